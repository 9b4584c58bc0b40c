"""An application: a folder with tinyml.toml, which says what ``tinyml build`` does there.

The folder is the project itself: the user's code, the generated files, and ``build/`` for images
and reports. Options of a command come before what the file says.
"""

from __future__ import annotations

from collections.abc import Sequence
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
TEXTS = ("template", "model_id", "memory", "flash_budget")


def defaults(folder: Path = Path()) -> dict[str, object]:
    """Values for options and arguments of commands, by name; none where there is no tinyml.toml.

    Raises BoardError that names the file and the key when something in it is wrong.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    top = read_table(path)
    values: dict[str, object] = {"models": _models(top, folder), "project": str(folder)}
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
            values[key] = list(_texts(top, key))
    if top.has("inputs"):
        values["inputs"] = _data(top, folder)
    values |= {"cores": top.integer("cores", minimum=1)} if top.has("cores") else {}
    top.close()
    return values


def refuse_other(folder: Path, models: Sequence[str], template: str) -> None:
    """Raises BuildError when the application in a folder is for other model files or a template.

    Its code calls its own model, and its files belong to its own build system.
    """
    path = folder / FILE
    if not path.is_file():
        return
    top = read_table(path)
    held = _texts(top, "model") if top.has("model") else tuple(models)
    for key, own, wanted in (
        ("model", held, models),
        ("template", (top.text("template", template),), (template,)),
    ):
        if [Path(text).name for text in own] != [Path(text).name for text in wanted]:
            raise BuildError(
                f"the application in this folder has the {key} '{' '.join(own)}', "
                f"not '{' '.join(wanted)}'",
                hint=f"change '{key}' in {FILE}, or give a folder of its own with --project",
                where=str(path),
            )


def _models(top: Table, folder: Path) -> list[str]:
    """The model, or the several that one firmware runs."""
    names = _texts(top, "model")
    if not all(names) or not names:
        raise top.error("'model' names no file", 'model = "model.tflite"')
    for name in names:
        _there(top, folder, "model", name)
    return list(names)


def _texts(top: Table, key: str) -> tuple[str, ...]:
    return (top.text(key),) if top.is_text(key) else tuple(top.strings(key))


def _data(top: Table, folder: Path) -> str:
    """Samples: a file or folder, as seen from the application's folder, or module:function."""
    name = top.text("inputs")
    is_function = ":" in name and not (folder / name).exists()
    return name if is_function else str(_there(top, folder, "inputs", name))


def _there(top: Table, folder: Path, key: str, name: str) -> Path:
    path = folder / name
    if not path.is_file() and (key == "model" or not path.is_dir()):
        raise top.error(f"'{key}' is '{name}', which is not there", f"put the {key} there")
    return path


def _check_board(name: str, path: Path) -> None:
    try:
        load_board(name)
    except BoardError as error:
        raise BoardError(
            f"'board': {error.message}", hint=error.hint, where=error.where or str(path)
        ) from error
