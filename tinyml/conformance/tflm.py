"""TensorFlow Lite Micro itself, from the ``tflite_micro`` wheel, in a process of its own.

It may abort where it does not like a model. What it computed before is in files, so that the rest
goes on in another process behind the one that ended it.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinyml.base import process
from tinyml.base.errors import ModelError, ToolError, ToolMissing
from tinyml.base.process import Command
from tinyml.conformance.values import Case, Vector
from tinyml.model.opened import open_file
from tinyml.model.writer import write

_TITLE = "TensorFlow Lite Micro"


def require_tflm() -> None:
    """Raises ToolMissing when the wheel is not installed."""
    if importlib.util.find_spec("tflite_micro") is None:
        raise ToolMissing(
            "the Python package 'tflite_micro' is not installed",
            hint="pip install --pre tflite-micro (Linux on x86-64), or leave out --on tflm",
        )


def outputs_of(
    cases: Sequence[Case], folder: Path
) -> tuple[tuple[Vector, ...] | ModelError | ToolError, ...]:
    """What TFLM computes of each case; ModelError where it refuses or aborts.

    ToolError where its process failed before it came to a case.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, case in enumerate(cases):
        data = case.path.read_bytes() if case.path.is_file() else write(case.graph)
        (folder / f"{number}.tflite").write_bytes(data)
        arrays = {f"{v}_{i}": a for v, vec in enumerate(case.vectors) for i, a in enumerate(vec)}
        np.savez(folder / f"{number}.npz", allow_pickle=False, **arrays)
        for suffix in ("out.npz", "refused", "begun"):
            (folder / f"{number}.{suffix}").unlink(missing_ok=True)
    found: list[tuple[Vector, ...] | ModelError | ToolError] = []
    while len(found) < len(cases):
        error = _run_from(len(found), len(cases), folder)
        for number in range(len(found), len(cases)):
            answer = _answer(folder, number, cases[number])
            if answer is None:
                is_begun = (folder / f"{number}.begun").is_file()
                found.append(
                    ModelError(f"{_TITLE} aborts")
                    if is_begun
                    else error or ToolError(f"{_TITLE} said nothing")
                )
                break
            found.append(answer)
    return tuple(found)


def _run_from(first: int, end: int, folder: Path) -> ToolError | None:
    argv = (sys.executable, "-m", "tinyml.conformance.tflm", str(folder), str(first), str(end))
    try:
        process.run(Command(argv, message=_TITLE))
    except ToolError as error:
        return error
    return None


def _answer(folder: Path, number: int, case: Case) -> tuple[Vector, ...] | ModelError | None:
    refused, made = folder / f"{number}.refused", folder / f"{number}.out.npz"
    if refused.is_file():
        return ModelError(refused.read_text(encoding="utf-8"))
    if not made.is_file():
        return None
    with np.load(made) as arrays:
        tensors = [case.graph.tensors[i] for i in case.graph.outputs]
        return tuple(
            tuple(arrays[f"{v}_{i}"].reshape(t.shape) for i, t in enumerate(tensors))
            for v in range(len(case.vectors))
        )


def _interpret(folder: Path, number: int) -> None:
    """Runs one model in this process."""
    from tflite_micro.python.tflite_micro import runtime

    data = (folder / f"{number}.tflite").read_bytes()
    with np.load(folder / f"{number}.npz") as arrays:
        inputs = dict(arrays)
    vectors = 1 + max(int(name.split("_")[0]) for name in inputs)
    count = 1 + max(int(name.split("_")[1]) for name in inputs)
    arena_bytes = (1 << 20) + 16 * len(data) + 64 * sum(a.nbytes for a in inputs.values())
    made = {}
    outputs = open_file(data).Subgraphs(0).OutputsLength()
    (folder / f"{number}.begun").touch()  # an abort from here on is TFLM's
    try:
        # Not reset: that would not run what a model runs once.
        interpreter = runtime.Interpreter.from_bytes(data, arena_size=min(arena_bytes, 1 << 30))
        for v in range(vectors):
            for i in range(count):
                interpreter.set_input(inputs[f"{v}_{i}"], i)
            interpreter.invoke()
            for i in range(outputs):
                made[f"{v}_{i}"] = interpreter.get_output(i).copy()
    except (RuntimeError, ValueError) as error:
        (folder / f"{number}.refused").write_text(f"{_TITLE}: {error}", encoding="utf-8")
        return
    np.savez(folder / f"{number}.out.npz", allow_pickle=False, **made)


if __name__ == "__main__":
    for _number in range(int(sys.argv[2]), int(sys.argv[3])):
        _interpret(Path(sys.argv[1]), _number)
