"""TensorFlow Lite Micro itself, from the ``tflite_micro`` wheel, on graphs that we write."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import pytest

from tests.support.models.cases import Vector
from tinyml.ir.graph import Graph
from tinyml.model.writer import write

needs_tflm = pytest.mark.skipif(
    importlib.util.find_spec("tflite_micro") is None,
    reason="the tflite_micro wheel (Linux x86-64 only) is not installed",
)


def run_in_tflm(graph: Graph, vectors: Sequence[Vector]) -> list[Vector]:
    """The outputs that TFLM's interpreter gives, of inferences one after the other."""
    from tflite_micro.python.tflite_micro import runtime

    arena_bytes = 100_000 + 8 * sum(tensor.nbytes for tensor in graph.tensors)
    interpreter = runtime.Interpreter.from_bytes(write(graph), arena_size=arena_bytes)
    found = []
    for vector in vectors:
        for i, value in enumerate(vector):
            interpreter.set_input(value, i)
        interpreter.invoke()
        results = (interpreter.get_output(i) for i in range(len(graph.outputs)))
        shapes = (graph.tensors[i].shape for i in graph.outputs)
        found.append(tuple(r.reshape(s).copy() for r, s in zip(results, shapes, strict=True)))
    return found
