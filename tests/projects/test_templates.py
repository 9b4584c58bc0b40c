"""What every template gives: golden copies, the user's files left alone, the right boards."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.values.projects import CHOSEN, golden_text, listing, make_project, rendered
from tinyml.base import resources
from tinyml.base.errors import BoardError
from tinyml.target.board import Board
from tinyml.target.boards import all_boards, load_board
from tinyml.target.template import emulated_template, load_template, template_options

TEMPLATES = sorted(CHOSEN)


@pytest.mark.parametrize("template", TEMPLATES)
def test_project_as_text(template: str, tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    project = make_project(template, tmp_path)
    golden(f"projects/{template}/files.txt", listing(tmp_path))
    for name in rendered(template):
        golden(f"projects/{template}/{name}", golden_text(project, name))


@pytest.mark.parametrize("template", TEMPLATES)
def test_regenerating_leaves_the_users_files_alone(template: str, tmp_path: Path) -> None:
    project = make_project(template, tmp_path)
    mine = load_template(template).named("sine").keep
    assert mine
    for name in mine:
        (tmp_path / name).write_text("mine\n")
    own = tmp_path / "sensor.c"
    own.write_text("/* mine too */\n")
    model = next(path for path in tmp_path.rglob("sine.c"))
    model.write_text("/* damaged */\n")
    before = listing(tmp_path)
    assert make_project(template, tmp_path) == project
    assert {(tmp_path / name).read_text() for name in mine} == {"mine\n"}
    assert own.read_text() == "/* mine too */\n"
    assert "sine_invoke" in model.read_text()
    assert listing(tmp_path) == before


@pytest.mark.parametrize("template", TEMPLATES)
def test_without_the_agent_nothing_of_it_is_there(template: str, tmp_path: Path) -> None:
    make_project(template, tmp_path, agent=False)
    assert not [path for path in tmp_path.rglob("tml_agent*")]


def test_simulators_get_an_image_of_our_own() -> None:
    assert load_board("nicla_vision").templates[0] == "arduino"
    assert emulated_template(load_board("nicla_vision")) == "baremetal"
    assert emulated_template(load_board("nucleo_f446re")) == "baremetal"


@pytest.mark.parametrize("board", all_boards(), ids=lambda board: board.name)
def test_boards_have_the_options_of_their_templates(board: Board) -> None:
    known = {path.parent.name for path in resources.path("templates").glob("*/template.toml")}
    for name in known.intersection(board.templates):
        template_options(board, load_template(name))
    assert set(board.options.get("template", {})) <= set(board.templates)


def test_a_template_that_a_board_does_not_name(tmp_path: Path) -> None:
    with pytest.raises(BoardError) as caught:
        make_project("esp_idf", tmp_path, board="nucleo_g0b1re")
    assert str(caught.value) == (
        "board 'nucleo_g0b1re' has no template 'esp_idf'\n"
        "hint: it has: baremetal, cmake, cmake_tflm ('backends.template' of the board's file)"
    )
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("fqbn =", "fqnb =", "'template.arduino.fqbn' is missing", "the file has fqnb"),
        (
            "[template.arduino]",
            "[template.ardino]",
            "there is a table [template.ardino], but 'backends.template' does not name it",
            "did you mean 'arduino'?",
        ),
        ("fqbn =", "x = 1\nfqbn =", "unknown key 'template.arduino.x'", "known: fqbn"),
        (
            "[template.zephyr]",
            "[template.zephir]\n[template.zephyr]",
            "there is a table [template.zephir], but 'backends.template' does not name it",
            "did you mean 'zephyr'?",
        ),
    ],
)
def test_tables_of_templates_are_checked_when_a_board_is_read(
    old: str, new: str, message: str, hint: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    text = (resources.path("boards") / "nicla_vision.toml").read_text(encoding="utf-8")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BoardError) as caught:
        load_board(path)
    assert caught.value.message == message
    assert caught.value.where == str(path)
    assert hint in str(caught.value.hint)


def test_the_page_names_every_template_and_board() -> None:
    page = (Path(__file__).parents[2] / "docs" / "projects.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", page, re.MULTILINE))
    known = {path.parent.name for path in resources.path("templates").glob("*/template.toml")}
    assert known - set(rows) == {"platformio_idf"}  # named in the row of platformio
    for board in all_boards():
        assert rows[board.name] == ", ".join(f"`{name}`" for name in board.templates)
