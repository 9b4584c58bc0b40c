"""Depthwise convolution with one row or column of taps for Armv7E-M, four channels at a time."""

from __future__ import annotations

import math

import numpy as np

from tinyml.ir.dtype import UINT32
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Overlap, Struct
from tinyml.ir.requant import Rounding, solve_rounding
from tinyml.ops.common import result
from tinyml.ops.extents import Extent, Fields, walked
from tinyml.ops.weighted import INPUT, WeightedSum
from tinyml.ops.windows import filter_windows
from tinyml.variants import Variant
from tinyml.variants.dsp_planes import IN_PLACE, rescaling_of

_HALF = 1 << 30
_STATE_BYTES = 68  # of four channels, before their taps


def lower_column(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A call of ``tml_depthwise_column_s8``."""
    rows, columns = filter_windows(op, graph)
    if 1 not in (rows.kernel, columns.kernel):
        return f"{rows.kernel}x{columns.kernel} taps, neither one row nor one column"
    if rows.pad or columns.pad or rows.pad_after or columns.pad_after:
        return "there is padding"
    if op.attrs.depth_multiplier != 1:
        return "several filters per channel"
    if graph.tensors[op.inputs[INPUT]].shape[3] < 4:
        return "fewer than four channels"
    solved = solve_rounding(numbers.once(rescaling_of))
    return solved if isinstance(solved, str) else _call(op, graph, numbers, solved)


def _params(op: Op, graph: Graph, output_offset: int) -> Struct:
    """Outputs in memory order; a single column of them is one line."""
    rows, columns = filter_windows(op, graph)
    given, made = graph.tensors[op.inputs[INPUT]], result(op, graph)
    channels = given.shape[3]
    in_steps = (rows.stride * columns.in_size * channels, columns.stride * channels)
    out_steps = (columns.out_size * channels, channels)
    along, across = (0, 1) if columns.out_size == 1 else (1, 0)
    counts = (rows.out_size, columns.out_size)
    taps = rows if columns.kernel == 1 else columns
    tap_bytes = channels * (columns.in_size if taps is rows else 1)
    return Struct(
        "tml_depthwise_column_params",
        (
            ("batches", given.shape[0]),
            ("in_batch", given.elements // given.shape[0]),
            ("out_batch", made.elements // given.shape[0]),
            ("tap_step", taps.dilation * tap_bytes),
            ("taps", taps.kernel),
            ("channels", channels),
            ("lines", counts[across]),
            ("in_line_step", in_steps[across]),
            ("out_line_step", out_steps[across]),
            ("in_step", in_steps[along]),
            ("out_step", out_steps[along]),
            ("out_count", counts[along]),
            ("output_offset", output_offset),
            ("in_bytes", given.nbytes),
            ("out_bytes", made.nbytes),
        ),
    )


def _call(op: Op, graph: Graph, numbers: WeightedSum, solved: Rounding) -> KernelCall:
    rows, columns = filter_windows(op, graph)
    batches, _, _, channels = graph.tensors[op.inputs[INPUT]].shape
    taps = rows.kernel if columns.kernel == 1 else columns.kernel
    lines = columns.out_size if columns.out_size == 1 else rows.out_size
    constants = _constants(numbers, solved)
    fours = -(-channels // 4)
    per_four = 80 + 12 * taps + batches * lines * 30
    outputs = result(op, graph).elements // channels * fours
    return KernelCall(
        "tml_depthwise_column_s8",
        "kernels/dsp/depthwise_column_s8.h",
        _params(op, graph, numbers.output_zero_point),
        (
            Arg("input", INPUT),
            *(Arg("constant", constant=constant.name) for constant in constants),
            Arg("output"),
            Arg("scratch", dtype=UINT32),
        ),
        constants,
        scratch_bytes=_STATE_BYTES + 8 * taps,
        overlaps=() if channels % 4 else (Overlap(INPUT, 0, reason=IN_PLACE),),
        cost=Cost(fours * per_four + outputs * (19 * taps // 2 + 41), code_bytes=250),
        isa="dsp",
        note="four channels at a time",
    )


def _constants(numbers: WeightedSum, solved: Rounding) -> tuple[Constant, ...]:
    """Weights as in the model; a channel whose output never changes gets sums that lead to it."""
    dead = solved.multiplier == 0
    distance = (solved.offset >> 1) - numbers.output_zero_point  # offset is 2 * output + 1 there
    weights = np.where(dead[:, None], 0, numbers.weights)
    return (
        Constant("weights", weights.T.astype(np.int8).reshape(-1), "tap, channel"),
        Constant(
            "bias",
            np.where(dead, 4 * distance, numbers.folded_bias()).astype(np.int32),
            "per channel: bias - input zero point * sum of weights",
        ),
        Constant(
            "multiplier",
            np.where(dead, _HALF, solved.multiplier).astype(np.int32),
            "rescaling, per channel",
        ),
        Constant(
            "halvings", (solved.shift - 1).astype(np.uint8), "right shift less 1, per channel"
        ),
    )


def _extent(f: Fields) -> Extent:
    counts = (f["batches"], f["lines"], f["out_count"])
    read = walked(
        (*counts, f["taps"]),
        (f["in_batch"], f["in_line_step"], f["in_step"], f["tap_step"]),
        f["channels"],
    )
    written = walked(counts, (f["out_batch"], f["out_line_step"], f["out_step"]), f["channels"])
    settled = (read[0], max(read[1], f["in_bytes"]))
    return Extent((settled,), written, math.prod(counts) * f["channels"])


EXTENTS = {"tml_depthwise_column_params": _extent}

VARIANTS = (Variant("dsp/depthwise_column", "DEPTHWISE_CONV_2D", "s8", "dsp", lower_column),)
