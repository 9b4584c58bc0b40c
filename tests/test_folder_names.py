"""Two builds whose names lead to one folder: the second is refused, and the first stays."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.values.plans import TEMPLATE
from tinyml import api
from tinyml.base.errors import BuildError
from tinyml.project.pipeline import build_planned

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "examples" / "digits" / "digits.tflite"
BOARD = "nucleo_l4r5zi"
QUICK = api.Settings(project_only=True, self_test=False)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def refused(call: Callable[[], object], folder: Path, message: str) -> None:
    before = contents(folder)
    with pytest.raises(BuildError) as caught:
        call()
    assert message in caught.value.message
    assert caught.value.hint == "give another --output, or delete that directory"
    assert contents(folder) == before


@pytest.mark.parametrize("directory", [None, Path("mine")])
def test_two_file_names_that_are_one_in_c(here: Path, directory: Path | None) -> None:
    """The second model took the folder of the first without a word: the user's code called it."""
    board, settings = api.load_board(BOARD), replace(QUICK, directory=directory)
    for name in ("My-Net.tflite", "my_net.tflite"):
        shutil.copy(DIGITS, here / name)
    first = api.build("My-Net.tflite", board, settings)
    message = "holds the project of another model file, 'My-Net.tflite', which is 'my_net' in C too"
    refused(lambda: api.build("my_net.tflite", board, settings), first.directory, message)
    api.build("My-Net.tflite", board, settings)  # itself may be built again, also when it changed
    api.build("my_net.tflite", board, replace(QUICK, directory=Path("other")))


def test_two_boards(here: Path) -> None:
    """digits on "l4-cmake", and digits on "l4" with the template "cmake"."""
    for name in ("l4", "l4-cmake"):
        shutil.copy(ROOT / "boards" / f"{BOARD}.toml", here / f"{name}.toml")
    boards = [api.load_board(here / f"{name}.toml") for name in ("l4-cmake", "l4")]
    first = api.build(DIGITS, boards[0], QUICK)
    assert first.directory == here / "build" / "digits-l4-cmake"
    again = replace(QUICK, template="cmake")
    message = "holds the project for another board, 'l4-cmake', whose name leads to the same folder"
    refused(lambda: api.build(DIGITS, boards[1], again), first.directory, message)
    api.build(DIGITS, boards[1], replace(QUICK, directory=first.directory))  # it was asked for


def test_two_templates(here: Path) -> None:
    for name in ("a/mine", "b/mine"):
        shutil.copytree(TEMPLATE, here / name)
    board = api.load_board(BOARD)
    first = api.build(DIGITS, board, replace(QUICK, template="./a/mine"))
    again = replace(QUICK, template=str(here / "a" / "mine"))
    assert api.build(DIGITS, board, again).directory == first.directory
    other = api.plan(DIGITS, board, replace(QUICK, template="./b/mine"))
    message = "of another template, './a/mine', whose name leads to the same folder"
    refused(
        lambda: build_planned(other, QUICK), first.directory, message.replace("./", str(here) + "/")
    )


def test_a_library_and_a_project_share_a_folder_as_before() -> None:
    board = api.load_board(BOARD)
    first = api.build(DIGITS, board, QUICK)
    assert api.build(DIGITS, board, replace(QUICK, template="library")).directory == first.directory
