"""Fix-ups of numbers: choices among constants, what is finite, classes and intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.nets.fixed_up import kinds
from tests.support.nets.float_graphs import FloatBuilder
from tinyml.convert import flatfile
from tinyml.convert.fixups import prepare
from tinyml.convert.fixups.constants import fold_constants
from tinyml.convert.runners import float_runner
from tinyml.ir.dtype import BOOL, INT32
from tinyml.model.options import options


def test_a_choice_among_constants_is_computed() -> None:
    """A mask that PyTorch writes as a choice between 0 and -inf stayed one, and made infinities."""
    b = FloatBuilder()
    x = b.value("x", (1, 3, 3))
    shown = b.constant("shown", np.tril(np.ones((3, 3), bool)))
    zero, below = b.constant("zero", np.float32(0)), b.constant("below", np.float32(-np.inf))
    mask = b.op("SELECT_V2", (shown, zero, below), b.value("mask", (3, 3)))
    y = b.op("ADD", (x, mask), b.value("y", (1, 3, 3)), options("AddOptions"))
    after = fold_constants(b.graph((x,), (y,)))
    assert kinds(after) == ["ADD"]
    held = after.tensors[after.ops[0].inputs[1]].data
    assert held is not None
    assert held[0].tolist() == [0, -np.inf, -np.inf]


@pytest.mark.parametrize(
    ("kind", "bound", "taken"),
    [("NOT_EQUAL", None, "x"), ("EQUAL", np.inf, "x"), ("LESS", np.inf, "w"), ("LESS", 3, "")],
)
def test_numbers_are_finite(kind: str, bound: float | None, taken: str) -> None:
    """What PyTorch writes for nan_to_num ended in "the scale 2.7e+36"."""
    b = FloatBuilder()
    x, w = b.value("x", (1, 4)), b.value("w", (1, 4))
    other = x if bound is None else b.constant("bound", np.float32(bound))
    is_so = b.op(kind, (x, other), b.value("is", (1, 4)))
    b.tensors[is_so] = replace(b.tensors[is_so], dtype=BOOL)
    z = b.op("SELECT_V2", (is_so, w, x), b.value("z", (1, 4)))
    y = b.op("RELU", (z,), b.value("y", (1, 4)))
    graph, _ = prepare(b.graph((x, w), (y,)))
    if not taken:
        assert kinds(graph) == [kind, "SELECT_V2", "RELU"]
    else:
        assert kinds(graph) == ["RELU"]
        assert graph.tensors[graph.ops[0].inputs[0]].name == taken


def test_numbers_of_classes_are_comparisons() -> None:
    """Keras' CategoryEncoding was refused: ONE_HOT of 64-bit integers."""
    b = FloatBuilder()
    x = b.value("x", (1, 3))
    b.tensors[x] = replace(b.tensors[x], dtype=INT32)
    floats = b.op("CAST", (x,), b.value("floats", (1, 3)), options("CastOptions"))
    numbers = b.op("CAST", (floats,), b.value("numbers", (1, 3)), options("CastOptions"))
    b.tensors[numbers] = replace(b.tensors[numbers], dtype=INT32)
    depth, on, off = (b.constant(n, v) for n, v in (("d", np.int32(4)), ("on", 2.0), ("off", -1.0)))
    held = options("OneHotOptions", Axis=-1)
    y = b.op("ONE_HOT", (numbers, depth, on, off), b.value("y", (1, 3, 4)), held)
    graph = b.graph((x,), (y,))
    after, _ = prepare(graph)
    assert kinds(after) == ["RESHAPE", "EQUAL", "SELECT_V2"]
    given = (np.array([[3, 0, 7]], np.int32),)
    wanted = [[-1, -1, -1, 2], [2, -1, -1, -1], [-1] * 4]
    for each in (graph, after):
        assert float_runner(flatfile.write(each)).outputs(given)[0][0].tolist() == wanted


def test_numbers_of_intervals_are_sums_of_comparisons() -> None:
    """Bounds were read as whole numbers: Keras' Discretization was imported wrongly."""
    b = FloatBuilder()
    x, y = b.value("x", (1, 5)), b.value("y", (1, 5))
    b.tensors[y] = replace(b.tensors[y], dtype=INT32)
    b.op("BUCKETIZE", (x,), y, options("BucketizeOptions", Boundaries=(-0.5, 0.25, 1.5)))
    graph = b.graph((x,), (y,))
    assert flatfile.read("m", flatfile.write(graph)).ops[0].attrs.get("Boundaries")[1] == 0.25
    after, _ = prepare(graph)
    assert set(kinds(after)) == {"GREATER_EQUAL", "CAST", "ADD"}
    given = (np.array([[-0.6, -0.5, 0.3, 1.5, 9]], np.float32),)
    for each in (graph, after):
        assert float_runner(flatfile.write(each)).outputs(given)[0].tolist() == [[0, 1, 2, 3, 3]]
