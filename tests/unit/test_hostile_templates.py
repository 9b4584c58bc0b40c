"""Templates are data: nothing of a folder runs, and nothing is written outside of the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.values.plans import MODEL_BYTES, planned_on, sine_plan
from tests.support.values.small_boards import board_of
from tinyml.base.errors import BoardError, TinymlError
from tinyml.codegen.generate import generate
from tinyml.project.create import create
from tinyml.target.boards import load_board
from tinyml.target.template import load_template
from tinyml.values.project import Project

HEAD = 'title = "mine"\nkind = "library"\n'


def template(folder: Path, text: str = "", toml: str = '[files]\n"a.txt.j2" = "a.txt"\n') -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "template.toml").write_text(HEAD + toml)
    (folder / "a.txt.j2").write_text(text)
    return str(folder)


def make(name: str, dest: Path) -> Project:
    plan, board = sine_plan(), board_of()
    return create(
        planned_on(plan, board, name), generate(plan, board, model_bytes=MODEL_BYTES), dest
    )


def test_a_bare_name_is_always_a_built_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder named 'baremetal' in the current directory took the place of ours."""
    template(tmp_path / "baremetal")
    template(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert load_template("baremetal").folder != tmp_path / "baremetal"
    with pytest.raises(TinymlError) as caught:
        load_template("mine")
    assert "./mine" in str(caught.value.hint)
    for name in ("./mine", str(tmp_path / "mine"), "../" + tmp_path.name + "/mine"):
        assert load_template(name).folder == tmp_path / "mine"


def test_a_board_file_cannot_name_a_folder(tmp_path: Path) -> None:
    """A board file named a template by its path, which then was rendered and built."""
    folder = template(tmp_path / "evil")
    text = (Path(__file__).parents[2] / "boards" / "stm32f405.toml").read_text()
    board = tmp_path / "b.toml"
    board.write_text(text.replace('template = ["baremetal"', f'template = ["{folder}"'))
    assert folder in board.read_text()
    with pytest.raises(BoardError, match="there is no template"):
        load_board(board)


@pytest.mark.parametrize(
    "text",
    [
        "[[ ''.__class__.__mro__[1].__subclasses__() ]]",
        "[[ board.__class__.__init__.__globals__ ]]",
        "[[ board.region.__globals__['math'] ]]",
        "[[ cycler.__init__.__globals__.os.system('id') ]]",
        "[[ self._TemplateReference__context ]]",
        "[[ '{0.__class__}'.format(board) ]]x[[ lipsum.__globals__ ]]",
        "[% set x = board.options.update({'a': 1}) %]",
        "[[ 'a' %}",
    ],
)
def test_templates_run_in_a_sandbox(tmp_path: Path, text: str) -> None:
    """Templates had all of Python: one line in a file ran programs."""
    with pytest.raises(TinymlError):
        make(template(tmp_path / "t", text), tmp_path / "p")
    assert not (tmp_path / "p" / "a.txt").exists()


@pytest.mark.parametrize(
    "toml",
    [
        '[files]\n"a.txt.j2" = "../a.txt"\n',
        '[files]\n"a.txt.j2" = "/tmp/a.txt"\n',
        '[files]\n"a.txt.j2" = "{model}/../../a.txt"\n',
        '[files]\n"../a.txt.j2" = "a.txt"\n',
        '[files]\n"a.txt.j2" = "-fplugin=a.so"\n',
        '[files]\n"a.txt.j2" = "a\\nb"\n',
        '[files]\n"a.txt.j2" = "$(id)"\n',
        '[files]\n[layout]\nmodel = "../src"\n',
        '[files]\n[build]\nsources = ["../main.c"]\n',
        '[files]\n[build]\nlinker_script = "-Tx.ld"\n',
        '[files]\n[build]\nfirmware = ["../tinyml"]\n',
        'base = "../../evil"\n[files]\n',
    ],
)
def test_no_file_of_a_template_leaves_the_project(tmp_path: Path, toml: str) -> None:
    """Names in template.toml with '..' or a leading '-' wrote elsewhere, or became options."""
    with pytest.raises(BoardError):
        load_template(template(tmp_path / "t", toml=toml))


def test_links_in_a_template_are_not_followed_out_of_it(tmp_path: Path) -> None:
    """A link in a template copied a file of the user's into the project."""
    secret = tmp_path / "secret"
    secret.write_text("key")
    folder = template(tmp_path / "t")
    (tmp_path / "t" / "notes").symlink_to(secret)
    with pytest.raises(TinymlError, match="outside of the template"):
        make(folder, tmp_path / "p")


def test_links_in_a_project_are_not_followed_out_of_it(tmp_path: Path) -> None:
    """A link in a project's folder made tinyml write into the folder that it leads to."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "model").symlink_to(outside)
    with pytest.raises(TinymlError, match="lies outside"):
        make("library", tmp_path / "p")
    assert not list(outside.iterdir())
    (tmp_path / "linked").symlink_to(tmp_path / "q")  # the folder itself may be one
    (tmp_path / "q").mkdir()
    assert (make("library", tmp_path / "linked").directory / "model" / "sine.c").is_file()
