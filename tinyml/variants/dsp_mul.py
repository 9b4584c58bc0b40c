"""MUL for Armv7E-M: products of int16 pairs, rescaled by the shortest form that is exact."""

from __future__ import annotations

import math

import numpy as np

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, Value
from tinyml.ir.requant import IntArray, Linear, Rescaling, solve_linear, solve_rounding
from tinyml.ops.common import INT8_MAX, INT8_MIN, activation_range, quant_of, result
from tinyml.ops.elementwise import mul_factor
from tinyml.ops.extents import Extent, Fields, walked
from tinyml.ops.loops import broadcast_loops
from tinyml.ops.operands import input_argument
from tinyml.variants import Variant


def lower_mul(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_dsp_mul_s8``."""
    operands = [graph.tensors[i] for i in op.inputs]
    walk, constants = rows_of(op, graph), _constants(op, graph)
    if isinstance(walk, str):
        return walk
    if isinstance(constants, str):
        return constants
    rows, count = walk[0][1], walk[1][1]
    is_rounding = bool(dict(constants)["is_rounding"])
    arguments, arrays = zip(*(input_argument(op, graph, i) for i in range(2)), strict=True)
    fields: tuple[tuple[str, Value], ...] = (
        *walk,
        ("offset1", -quant_of(operands[0]).zero_point),
        ("offset2", -quant_of(operands[1]).zero_point),
        *constants,
    )
    per_row = 12 + (37 if is_rounding else 27) * (count // 4) + 12 * (count % 4)
    return KernelCall(
        "tml_dsp_mul_s8",
        "kernels/dsp/mul_s8.h",
        Struct("tml_dsp_mul_params", fields),
        (*arguments, Arg("output")),
        tuple(item for group in arrays for item in group),
        overlaps=in_place(op, graph),
        cost=Cost(20 + rows * per_row, code_bytes=250),
        isa="dsp",
        note="rounding form" if is_rounding else "linear form",
    )


def rows_of(op: Op, graph: Graph) -> tuple[tuple[str, int], ...] | str:
    """Rows, elements of a row, steps from row to row of both inputs; or why there are no rows."""
    loops = broadcast_loops(*(graph.tensors[i].shape for i in op.inputs))
    if math.prod(loops.counts[:-2]) != 1 or any(item[-1] != 1 for item in loops.steps):
        return "an operand is broadcast along more than the first dimensions"
    rows, count = loops.counts[-2:]
    steps = [item[-2] for item in loops.steps]
    return (("rows", rows), ("count", count), ("step1", steps[0]), ("step2", steps[1]))


def in_place(op: Op, graph: Graph) -> tuple[Overlap, ...]:
    """The output over an input of as many elements."""
    elements = result(op, graph).elements
    tensors = (graph.tensors[i] for i in op.inputs)
    return tuple(
        Overlap(i, 0)
        for i, tensor in enumerate(tensors)
        if not tensor.is_constant and tensor.elements == elements
    )


def rescaling_of(op: Op, graph: Graph) -> Rescaling:
    """How products of both values, without their zero points, become outputs."""
    made = quant_of(result(op, graph))
    multiplier, shift = mul_factor(op, graph)
    ends = [
        np.array((INT8_MIN, INT8_MAX), np.int64) - quant_of(graph.tensors[i]).zero_point
        for i in op.inputs
    ]
    products = np.outer(*ends)
    return Rescaling(
        np.array([multiplier]),
        np.array([shift]),
        made.zero_point,
        activation_range(op.attrs.activation, made),
        products.min(keepdims=True)[0],
        products.max(keepdims=True)[0],
    )


def _constants(op: Op, graph: Graph) -> tuple[tuple[str, Value], ...] | str:
    """The fields from ``multiplier`` on, of a form that is exact for all products."""
    rescaling = rescaling_of(op, graph)
    found = solve_linear(rescaling, 0)
    if isinstance(found, Linear):
        return _fields(found.multiplier, found.offset, int(found.delta[0]), found.shift, False)
    rounding = solve_rounding(rescaling)
    if isinstance(rounding, str):
        return rounding
    return _fields(rounding.multiplier, rounding.offset, 0, int(rounding.shift[0]), True)


def _fields(
    multiplier: IntArray, offset: IntArray, delta: int, shift: int, is_rounding: bool
) -> tuple[tuple[str, Value], ...]:
    return (
        ("multiplier", int(multiplier[0])),
        ("offset", int(offset[0])),
        ("delta", delta),
        ("shift", shift),
        ("is_rounding", is_rounding),
    )


def rows_extent(f: Fields) -> Extent:
    """Rows of elements, of which an input may be the same each time."""
    made = f["rows"] * f["count"]
    read = tuple(walked((f["rows"],), (f[step],), f["count"]) for step in ("step1", "step2"))
    return Extent(read, (0, made), made)


EXTENTS = {"tml_dsp_mul_params": rows_extent}

VARIANTS = (Variant("dsp/mul", "MUL", "s8", "dsp", lower_mul),)
