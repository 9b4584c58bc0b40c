"""A new application: a folder with a model, a project around it and tinyml.toml."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from tinyml import api
from tinyml.base.errors import TinymlError
from tinyml.base.files import temporary_folder, write_atomic
from tinyml.project.application import FILE
from tinyml.session.starter import starter_model
from tinyml.target.boards import load_board
from tinyml.target.template import template_of

MODEL = "model.tflite"  # the slot: another model goes there, and the code stays as it is
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
# cores = 2 # of the chip: large layers are shared where that gains time
# inputs = "test.npz" # samples for 'simulate'; 'build' compiles a few of them in
"""
TASKS = ("build", "simulate", "flash", "profile", "monitor")  # of an editor; the first builds
IGNORED = "build/\n"


def new(dest: Path, board: str, template: str | None, model: Path | None) -> tuple[Path, ...]:
    """Makes an application, complete with the project of a model; returns what to look at.

    ``board`` is a name or a board file. Without a model a small one stands in its slot. Raises
    TinymlError, and leaves nothing behind, when the folder is taken or the model does not suit.
    """
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
        api.build(folder / MODEL, target, settings)
        named = board if target.name == board else Path(os.path.relpath(board, dest)).as_posix()
        write_atomic(
            folder / FILE, TOML.format(model=MODEL, board=named, template=chosen, runtime=runtime)
        )
        if not (folder / ".gitignore").exists():
            write_atomic(folder / ".gitignore", IGNORED)
        write_atomic(folder / ".vscode" / "tasks.json", json.dumps(_tasks(), indent=4) + "\n")
        if dest.exists():
            dest.rmdir()
        shutil.move(os.fspath(folder), dest)
    return (dest / FILE, dest / MODEL, *sorted(dest.rglob("README.md"))[:1])


def _tasks() -> dict[str, object]:
    """What Visual Studio Code offers in the folder: a task per command; the first one builds."""
    tasks = []
    for name in TASKS:
        is_default = name == TASKS[0]
        task: dict[str, object] = {
            "label": f"tinyml {name}",
            "type": "process",
            "command": "tinyml",
            "args": [name],
            "problemMatcher": "$gcc" if is_default else [],
        }
        if is_default:
            task["group"] = {"kind": "build", "isDefault": True}
        tasks.append(task)
    return {"version": "2.0.0", "tasks": tasks}
