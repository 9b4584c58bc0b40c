"""An application: a folder with tinyml.toml, which says what ``tinyml build`` does there.

The folder is the project itself: the user's code, the generated files, and ``build/`` for images
and reports. Options of a command come before what the file says.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from tinyml.board import load_board
from tinyml.budget import for_template
from tinyml.datafile import Table, read_table
from tinyml.errors import BoardError, BuildError, TinymlError
from tinyml.files import temporary_folder, write_atomic
from tinyml.template import template_of

FILE = "tinyml.toml"
MODEL = "model.tflite"  # the slot: another model goes there, and the code stays as it is
CHOICES = {
    "optimize": ("speed", "balanced", "ram", "size"),
    "toolchain": ("zig", "arm_gcc"),
    "agent": ("full", "mlperf", "none"),
    "runtime": ("aot", "tflm"),
}
LISTS = ("ram_budget", "kernels")
TEXTS = ("template", "model_id", "memory", "flash_budget")
TOML = """\
# What 'tinyml build', 'check', 'simulate' and 'run' take in this folder; their options come first.
model = "{model}"
board = "{board}"
template = "{template}" # kind of project; the user's own files below belong to it
runtime = "{runtime}" # aot: C compiled ahead of time; tflm: TensorFlow Lite Micro

# optimize = "balanced" # speed, balanced, ram, size
# toolchain = "zig" # or arm_gcc: what compiles a template that no vendor's tool builds
# agent = "full" # full, mlperf, none
# model_id = "kws01" # what the agent calls the model
# memory = "wifi" # a memory profile of the board
# kernels = ["esp_nn"] # kernel libraries of the chip's vendor
# ram_budget = ["64K"]
# flash_budget = "512K"
"""
IGNORED = "build/\n"


def defaults(folder: Path = Path()) -> dict[str, Any]:
    """Values for options and arguments of commands, by name; none where there is no tinyml.toml.

    Raises BoardError that names the file and the key when something in it is wrong.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    top = read_table(path)
    values: dict[str, Any] = {"model": _model(top, folder), "project": str(folder)}
    values["board"] = board = top.text("board")
    _check_board(board, path)
    values["boards"] = [board]
    values |= {key: top.choice(key, known) for key, known in CHOICES.items() if top.has(key)}
    values |= {key: top.text(key) for key in TEXTS if top.has(key)}
    values |= {key: list(top.strings(key)) for key in LISTS if top.has(key)}
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


def new(dest: Path, board: str, template: str | None, model: Path | None) -> tuple[Path, ...]:
    """Makes an application, complete with the project of a model; returns what to look at.

    ``board`` is a name or a board file. Without a model a small one stands in its slot. Raises
    TinymlError, and leaves nothing behind, when the folder is taken or the model does not suit.
    """
    from tinyml import api
    from tinyml.starter import starter_model

    if dest.exists() and (not dest.is_dir() or any(dest.iterdir())):
        raise TinymlError(f"'{dest}' is there already", hint="give the name of a new folder")
    target = load_board(board)
    chosen = template or target.backends["template"]
    runtime = template_of(target, chosen).runtime
    with temporary_folder(dest.parent) as work:
        folder = work / "app"
        content = model.read_bytes() if model else starter_model()
        write_atomic(folder / MODEL, content)
        settings = api.Settings(
            directory=work / "build",
            template=chosen,
            runtime=runtime,
            project_only=True,
            project=folder,
        )
        api.build_model(folder / MODEL, for_template(target, chosen), settings)
        named = board if target.name == board else Path(os.path.relpath(board, dest)).as_posix()
        write_atomic(
            folder / FILE, TOML.format(model=MODEL, board=named, template=chosen, runtime=runtime)
        )
        if not (folder / ".gitignore").exists():
            write_atomic(folder / ".gitignore", IGNORED)
        if dest.exists():
            dest.rmdir()
        shutil.move(os.fspath(folder), dest)
    return (dest / FILE, dest / MODEL, *sorted(dest.rglob("README.md"))[:1])


def _model(top: Table, folder: Path) -> str:
    name = top.text("model")
    if not (folder / name).is_file():
        raise top.error(f"'model' is '{name}', which is not there", "put the model there")
    return name


def _check_board(name: str, path: Path) -> None:
    try:
        load_board(name)
    except BoardError as error:
        raise BoardError(
            f"'board': {error.message}", hint=error.hint, where=error.where or str(path)
        ) from error
