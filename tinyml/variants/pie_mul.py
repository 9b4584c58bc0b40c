"""MUL for the ESP32-S3's vector unit: sixteen products at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct
from tinyml.ir.requant import Rescaling
from tinyml.ir.requant_halves import solve_halves
from tinyml.ops.common import INT8_MAX, quant_of
from tinyml.ops.halves import cut_row_pairs
from tinyml.ops.operands import input_argument
from tinyml.variants import Variant
from tinyml.variants.dsp_mul import in_place, rescaling_of, rows_of
from tinyml.variants.pie_elementwise import PAIRS_BYTES, pairs_cost, pairs_extent
from tinyml.variants.pie_rescale import LANES, SUMS_BYTES, LaneScales


def lower(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_pie_mul_s8``."""
    walk = rows_of(op, graph)
    if isinstance(walk, str):
        return walk
    zeros = [quant_of(graph.tensors[i]).zero_point for i in op.inputs]
    rescaling = _in_all_lanes(rescaling_of(op, graph))
    halves = solve_halves(rescaling, np.full(LANES, zeros[0] * zeros[1], np.int64))
    if isinstance(halves, str):
        return halves
    scales = LaneScales(np.zeros((LANES, 1), np.int64), halves, rescaling.bounds)
    arguments, arrays = zip(*(input_argument(op, graph, i) for i in range(2)), strict=True)
    constants = (replace(item, alignment=LANES) for group in arrays for item in group)
    is_far = min(zeros) == -INT8_MAX - 1
    each = 25 + 4 * is_far + scales.cost(LANES)
    return KernelCall(
        "tml_pie_mul_s8",
        "kernels/pie/mul_s8.h",
        Struct(
            "tml_pie_mul_params",
            (
                ("pairs", Struct("tml_pie_pairs", walk)),
                ("is_far", is_far),
                ("rescale", scales.struct()),
            ),
        ),
        (
            *arguments,
            *(Arg("constant", constant=item) for item in ("offsets", "scales")),
            Arg("output"),
            Arg("scratch", dtype=INT8),
        ),
        (*constants, _offsets(zeros), scales.constant(LANES)),
        scratch_bytes=SUMS_BYTES // 2 + PAIRS_BYTES,
        overlaps=in_place(op, graph),
        cost=Cost(pairs_cost(walk, each), code_bytes=700),
        isa="pie",
    )


def _in_all_lanes(one: Rescaling) -> Rescaling:
    return replace(
        one,
        multiplier=np.repeat(one.multiplier, LANES),
        shift=np.repeat(one.shift, LANES),
        low=np.repeat(one.low, LANES),
        high=np.repeat(one.high, LANES),
    )


def _offsets(zeros: list[int]) -> Constant:
    """The negative zero points, by what each input is multiplied with: 128 is 127 and 1."""
    first = [min(-zero, INT8_MAX) for zero in reversed(zeros)]
    rest = [-zero - part for zero, part in zip(reversed(zeros), first, strict=True)]
    return Constant(
        "offsets",
        np.array([*first, *rest], np.int8),
        "minus the zero point of the other input, for input 1 and 2; what is left of 128",
    )


EXTENTS = {"tml_pie_mul_params": pairs_extent}

HALVES = {"tml_pie_mul_params": cut_row_pairs("pairs.")}

VARIANTS = (Variant("pie/mul", "MUL", "s8", "pie", lower),)
