"""Operators of one value, with scales that nobody would train, equal TFLM on all 256 inputs.

A negative slope of LEAKY_RELU, quotients of scales between two float32 values, shifts of a 16-bit
value by its whole width, and input scales from 2^35 on gave other results.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.models.small_graphs import SOURCE, f32
from tests.support.running.tflm import needs_tflm, run_in_tflm
from tinyml.base.errors import UnsupportedOps
from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Graph, Op, Quant, Tensor
from tinyml.model.support import check_supported
from tinyml.ops.leaky_relu import LeakyReluAttrs
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.reference import run

KINDS = ("ABS", "ELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "RELU", "RELU6", "RSQRT", "TANH")
TRIES = 250
SLOPES = (0.0, 0.125, 0.5, 1.5, 3.0)
FIXED = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}  # what their output must be


def graph_of(kind: str, chance: np.random.Generator) -> Graph:
    given, made = _scales(kind, chance)
    points = [int(chance.choice([-128, 127, 0, chance.integers(-128, 128)])) for _ in range(2)]
    made, points[1] = FIXED.get(kind, (made, points[1]))
    if kind == "RELU6":
        made, points[1] = given, points[0]
    slope = float(chance.choice([-1, 1]) * chance.choice([*SLOPES, chance.uniform(0, 2)]))
    attrs = LeakyReluAttrs(f32(slope)) if kind == "LEAKY_RELU" else NoAttrs()
    tensors = tuple(
        Tensor(name, INT8, (1, 256), Quant((scale,), (point,)))
        for name, scale, point in zip("xy", (given, made), points, strict=True)
    )
    return Graph("m", SOURCE, tensors, (Op(kind, "y", (0,), (1,), attrs),), (0,), (1,))


def _scales(kind: str, chance: np.random.Generator) -> tuple[float, float]:
    """Of input and output: anything, or nearly in a ratio that makes ties."""
    if chance.integers(4) == 0:
        return tuple(f32(2.0 ** chance.integers(-60, 60)) for _ in range(2))  # type: ignore[return-value]
    made = f32(chance.uniform(0.5, 1) * 2.0 ** chance.integers(-12, 12))
    ratio = 2.0 ** chance.integers(-8, 4) * chance.integers(1, 64)
    if kind == "RSQRT":
        return f32(ratio), f32(made / 64)
    given = np.float32(made * ratio)
    return float(np.nextafter(given, np.float32(chance.choice([0, given, np.inf])))), made


@needs_tflm
@pytest.mark.parametrize("kind", KINDS)
def test_tables_equal_tflm(kind: str) -> None:
    chance = np.random.default_rng(KINDS.index(kind))
    compared = 0
    for _ in range(TRIES):
        graph = graph_of(kind, chance)
        values = np.arange(-128, 128).astype(np.int8).reshape(1, 256)
        if kind == "RSQRT":  # TFLM stops at values below zero
            quant = graph.tensors[0].quant
            assert quant is not None
            values = np.maximum(values, np.int8(min(quant.zero_point + 1, 127)))
        try:
            check_supported(graph)
        except UnsupportedOps:
            continue
        ((found,),) = run_in_tflm(graph, [(values,)])
        np.testing.assert_array_equal(run(graph, (values,))[1], found, str(graph))
        compared += 1
    assert compared > TRIES // 3


@pytest.mark.parametrize("kind", ["LOGISTIC", "TANH"])
def test_where_tflm_shifts_too_far_is_refused(kind: str) -> None:
    """TFLM shifts a 64-bit one by 63 and more: its result is anything."""
    scale, point = FIXED[kind]
    for given, is_fine in ((2.0**35, False), (2.0**34, True), (2.0**-28, True), (2.0**-29, False)):
        tensors = (
            Tensor("x", INT8, (1, 256), Quant((given,), (0,))),
            Tensor("y", INT8, (1, 256), Quant((scale,), (point,))),
        )
        graph = Graph("m", SOURCE, tensors, (Op(kind, "y", (0,), (1,), NoAttrs()),), (0,), (1,))
        if is_fine:
            check_supported(graph)
        else:
            with pytest.raises(UnsupportedOps, match="from 2\\^-28 to below 2\\^35"):
                check_supported(graph)
