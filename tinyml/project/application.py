"""An application: a folder with tinyml.toml, which says what ``tinyml build`` does there.

The folder is the project itself: the user's code, the generated files, and ``build/`` for images
and reports. Options of a command come before what the file says.
"""

from __future__ import annotations

from pathlib import Path

from tinyml.base.datafile import Table, read_table
from tinyml.base.errors import BoardError, BuildError
from tinyml.base.registry import names_of
from tinyml.target.boards import load_board

FILE = "tinyml.toml"
CHOICES = {
    "optimize": ("speed", "balanced", "ram", "size"),
    "agent": ("full", "mlperf", "none"),
}
BACKENDS = ("runtime", "toolchain")
LISTS = ("ram_budget", "kernels")
FILES = {"inputs": ("inputs", "compiled_inputs")}  # the parameters of commands that take it
TEXTS = ("template", "model_id", "memory", "flash_budget")


def defaults(folder: Path = Path()) -> dict[str, object]:
    """Values for options and arguments of commands, by name; none where there is no tinyml.toml.

    Raises BoardError that names the file and the key when something in it is wrong.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    top = read_table(path)
    values: dict[str, object] = {"model": _model(top, folder), "project": str(folder)}
    values["board"] = board = top.text("board")
    _check_board(board, path)
    values["boards"] = [board]
    values |= {key: top.choice(key, known) for key, known in CHOICES.items() if top.has(key)}
    for key in BACKENDS:
        if top.has(key):
            values[key] = top.choice(key, names_of(f"{key}s"))
    values |= {key: top.text(key) for key in TEXTS if top.has(key)}
    for key in LISTS:
        if top.has(key):
            values[key] = [top.text(key)] if top.is_text(key) else list(top.strings(key))
    for key, names in FILES.items():
        if top.has(key):
            values |= dict.fromkeys(names, str(_file(top, folder, key)))
    values |= {"cores": top.integer("cores", minimum=1)} if top.has("cores") else {}
    top.close()
    return values


def refuse_other(folder: Path, model: str, template: str) -> None:
    """Raises BuildError when the application in a folder is for another model file or template.

    Its code calls its own model, and its files belong to its own build system.
    """
    path = folder / FILE
    if not path.is_file():
        return
    top = read_table(path)
    for key, wanted in (("model", model), ("template", template)):
        own = top.text(key, wanted)
        if Path(own).name != Path(wanted).name:
            raise BuildError(
                f"the application in this folder has the {key} '{own}', not '{wanted}'",
                hint=f"change '{key}' in {FILE}, or give a folder of its own with --project",
                where=str(path),
            )


def _model(top: Table, folder: Path) -> str:
    _file(top, folder, "model")
    return top.text("model")


def _file(top: Table, folder: Path, key: str) -> Path:
    """The file that a key names, as seen from the application's folder."""
    path = folder / top.text(key)
    if not path.is_file():
        raise top.error(f"'{key}' is '{top.text(key)}', which is not there", f"put the {key} there")
    return path


def _check_board(name: str, path: Path) -> None:
    try:
        load_board(name)
    except BoardError as error:
        raise BoardError(
            f"'board': {error.message}", hint=error.hint, where=error.where or str(path)
        ) from error
