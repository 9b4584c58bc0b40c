"""Operators of several values, with scales that nobody would train, equal TFLM on random values.

Comparisons of values that a common unit makes equal, sums that wrap, and rows whose exponentials
are next to nothing are where a formula that is nearly right differs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.models.small_graphs import SOURCE, f32
from tests.support.running.tflm import needs_tflm, run_in_tflm
from tinyml.base.errors import UnsupportedOps
from tinyml.ir.dtype import BOOL, INT8, INT16, DType, dtype_of
from tinyml.ir.graph import Array, Graph, Op, Quant, Tensor
from tinyml.model.support import check_shapes, check_supported
from tinyml.ops import spec_of
from tinyml.ops.reference import sequence

TRIES = 120
FIXED = {"LOG_SOFTMAX": (1 / 16, 127), "L2_NORMALIZATION": (1 / 128, 0)}
PAIRS = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
KINDS = ("ADD_N", "CUMSUM", "DIV", *FIXED, *PAIRS, "SVDF")


class Chance:
    """Tensors of a graph of one operator."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.tensors: list[Tensor] = []

    def scale(self, low: float = -12, high: float = 6) -> float:
        """Any, or a power of two."""
        power = self.rng.uniform(low, high)
        return f32(2.0 ** (round(power) if self.rng.integers(3) == 0 else power))

    def quant(self, scale: float | None = None) -> Quant:
        point = int(self.rng.choice([-128, 127, 0, self.rng.integers(-128, 128)]))
        return Quant((scale or self.scale(),), (point,))

    def add(self, shape: tuple[int, ...], quant: Quant | None, dtype: DType = INT8) -> int:
        self.tensors.append(Tensor(f"t{len(self.tensors)}", dtype, shape, quant))
        return len(self.tensors) - 1

    def constant(self, data: Array, scale: float | None = None) -> int:
        data.setflags(write=False)
        quant = None if scale is None else Quant((scale,), (0,))
        name = f"t{len(self.tensors)}"
        self.tensors.append(Tensor(name, dtype_of(data.dtype), data.shape, quant, data))
        return len(self.tensors) - 1

    def integers(self, shape: tuple[int, ...], dtype: DType) -> Array:
        low, high = dtype.limits
        return self.rng.integers(low, high, shape, dtype.numpy, endpoint=True)


def operands(kind: str, c: Chance) -> tuple[list[int], Any, tuple[int, ...]]:
    """The operands of an op, its options and the shape of its result."""
    rows, depth = int(c.rng.integers(1, 5)), int(c.rng.integers(1, 40))
    attrs = spec_of(kind).attrs()
    if kind == "SVDF":
        return svdf(c, rows, depth)
    if kind == "CUMSUM":
        given = c.add((rows, depth), c.quant())
        attrs = spec_of(kind).attrs(bool(c.rng.integers(2)), bool(c.rng.integers(2)))
        return [given, c.constant(np.array(c.rng.integers(2), np.int32))], attrs, (rows, depth)
    quant = c.quant(c.scale(-20, 0) if kind in PAIRS else None)
    count = {"ADD_N": int(c.rng.integers(2, 11))}.get(kind, 2 if kind in PAIRS else 1)
    given = [c.add((rows, depth), quant) for _ in range(count)]
    if kind == "DIV":  # no divisor is 0: see the test
        given.append(c.add((rows, depth), Quant((c.scale(),), (-128,))))
    if kind in PAIRS:
        other = c.quant(f32(quant.scale * float(c.rng.choice([1, 0.5, 1.5, c.rng.uniform(0, 2)]))))
        given[1] = c.add((rows, depth), other)
    return given, attrs, (rows, depth)


def svdf(c: Chance, batches: int, features: int) -> tuple[list[int], Any, tuple[int, ...]]:
    kept = INT16 if c.rng.integers(2) else INT8
    rank, units, memory = (int(c.rng.integers(1, 4)) for _ in range(3))
    filters = rank * units
    weights, time, state = c.scale(-10, -4), c.scale(-14, -4), c.scale(-8, 2)
    held = Quant((state,), (0 if kept is INT16 else int(c.rng.integers(-20, 20)),))
    given = [
        c.add((batches, features), c.quant()),
        c.constant(c.integers((filters, features), INT8), weights),
        c.constant(c.integers((filters, memory), kept), time),
        c.constant(c.rng.integers(-5000, 5000, units).astype(np.int32), f32(state * time)),
    ]
    c.tensors.append(Tensor("state", kept, (batches, filters * memory), held, None, True))
    given.append(len(c.tensors) - 1)
    return given, spec_of("SVDF").attrs(rank), (batches, units)


def graph_of(kind: str, c: Chance) -> Graph:
    given, attrs, shape = operands(kind, c)
    first = c.tensors[given[0]].quant
    assert first is not None
    scale, point = FIXED.get(kind, (c.scale() * first.scale * 4, int(c.rng.integers(-128, 128))))
    if kind == "DIV":
        second = c.tensors[given[1]].quant
        assert second is not None
        scale = first.scale / second.scale / 2.0 ** c.rng.uniform(6.5, 23.5)
    quant = None if kind in PAIRS else Quant((f32(scale),), (point,))
    made = c.add(shape, quant, BOOL if kind in PAIRS else INT8)
    fed = dict.fromkeys(
        i for i in given if c.tensors[i].data is None and not c.tensors[i].is_variable
    )
    op = Op(kind, "y", tuple(given), (made,), attrs)
    return Graph("m", SOURCE, tuple(c.tensors), (op,), tuple(fed), (made,))


@needs_tflm
@pytest.mark.parametrize("kind", KINDS)
def test_rows_equal_tflm(kind: str) -> None:
    compared = 0
    for seed in range(TRIES):
        c = Chance(1000 * KINDS.index(kind) + seed)
        graph = graph_of(kind, c)
        try:
            check_supported(graph)
        except UnsupportedOps:
            continue
        check_shapes(graph)
        values = tuple(c.integers(graph.tensors[i].shape, INT8) for i in graph.inputs)
        if kind == "DIV":
            values = (values[0], np.maximum(values[1], np.int8(-127)))
        near = tuple(np.clip(v, -3, 4) for v in values)
        vectors = [tuple(v.astype(np.int8) for v in item) for item in (values, near)]
        found = run_in_tflm(graph, vectors)
        for wanted, got in zip(sequence(graph, vectors), found, strict=True):
            np.testing.assert_array_equal(wanted[0], got[0], str(graph))
        compared += 1
    assert compared > TRIES // 3
