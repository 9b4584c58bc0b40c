"""The tasks of MLPerf Tiny: what their data files hold, and what the benchmark calls a result.

Files do not always hold the model's input. The firmware turns one into the other, as the
benchmark's reference submissions do, before the clock runs.

Source: github.com/mlcommons/tiny, benchmark/reference_submissions and benchmark/runner.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.base.errors import TinymlError
from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Graph, Tensor


@dataclass(frozen=True, slots=True)
class Task:
    """One task of the benchmark.

    A file of "floats" is quantised by the firmware, and the result is the mean square of output
    minus input instead of the outputs.
    """

    title: str
    data: str  # a file holds the input "tensor", "pixels" from 0 to 255, or "floats"


TASKS = {
    "ad01": Task("anomaly detection", "floats"),
    "ic01": Task("image classification", "pixels"),
    "kws01": Task("keyword spotting", "tensor"),
    "vww01": Task("visual wake words", "pixels"),
}
STREAMING = ("sww01", "strww01")
OTHER_MODEL = "is it another model? Choose its name with --model-id"


def task_macros(model_id: str | None, graph: Graph) -> dict[str, int]:
    """The TML_TASK_* macros of the agent; none for a model that is not one of the benchmark's.

    Raises TinymlError when the model cannot be what the task needs.
    """
    if model_id in STREAMING:
        raise TinymlError(
            f"the task '{model_id}' of MLPerf Tiny streams audio to the board, which the agent "
            "cannot receive",
            hint="give it a name of its own (--model-id my_wakeword) to send it single inputs",
        )
    task = TASKS.get(model_id or "")
    if task is None or task.data == "tensor":
        return {}
    name = f"{model_id} ({task.title})"
    entry = _only(graph, graph.inputs, name, "input")
    if task.data == "pixels":
        return {"TML_TASK_PIXELS": 1}
    result = _only(graph, graph.outputs, name, "output")
    if result.elements != entry.elements:
        raise TinymlError(
            f"{name} compares the output with the input, but the model has {entry.elements:,} "
            f"input and {result.elements:,} output elements",
            hint=OTHER_MODEL,
        )
    return {"TML_TASK_FLOATS": entry.elements}


def _only(graph: Graph, indices: tuple[int, ...], task: str, what: str) -> Tensor:
    """The one input or output, int8."""
    tensors = [graph.tensors[index] for index in indices]
    if len(tensors) != 1 or tensors[0].dtype != INT8:
        found = ", ".join(f"{tensor.dtype} {list(tensor.shape)}" for tensor in tensors)
        raise TinymlError(
            f"{task} needs one {what} of int8, the model has {found}", hint=OTHER_MODEL
        )
    return tensors[0]
