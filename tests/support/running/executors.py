"""Ways to run a graph on input vectors; all of them must give the same bytes.

An executor takes a graph and vectors and returns the outputs per vector. The numpy reference is
here, beside the comparison; host C is in ``host_c``, TensorFlow Lite Micro in ``tflm``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tests.support.models.cases import Vector
from tinyml.ir.graph import Graph
from tinyml.ops.reference import sequence

Executor = Callable[[Graph, Sequence[Vector]], list[Vector]]


def run_reference(graph: Graph, vectors: Sequence[Vector]) -> list[Vector]:
    """The integer reference, of inferences one after the other."""
    return list(sequence(graph, vectors))


def assert_equal(graph: Graph, expected: Sequence[Vector], found: Sequence[Vector]) -> None:
    """Fails unless every bit is equal; names the tensor and shows the first difference."""
    assert len(expected) == len(found)
    for number, (wanted, got) in enumerate(zip(expected, found, strict=True)):
        for i, want, have in zip(graph.outputs, wanted, got, strict=True):
            name = graph.tensors[i].name
            assert (want.shape, want.dtype) == (have.shape, have.dtype), name
            words = np.dtype(f"u{want.dtype.itemsize}")
            a, b = (np.ascontiguousarray(x).reshape(-1).view(words) for x in (want, have))
            wrong = np.flatnonzero(a != b)
            if wrong.size:
                k = int(wrong[0])
                raise AssertionError(
                    f"'{name}', vector {number}: {wrong.size} of {want.size} elements differ, "
                    f"the first is {k}: expected {want.reshape(-1)[k]}, found {have.reshape(-1)[k]}"
                )
