"""Depthwise convolution with one row or column of taps for Armv7E-M, four channels at a time."""

from __future__ import annotations

import numpy as np

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct
from tinyml.ir.requant import Rounding, solve_rounding
from tinyml.ops.common import result
from tinyml.ops.depthwise_conv_2d import layer
from tinyml.ops.weighted import INPUT, WeightedSum
from tinyml.ops.windows import filter_windows, image_overlap
from tinyml.variants import Variant
from tinyml.variants.dsp_planes import rescaling_of

_HALF = 1 << 30


def lower_column(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_depthwise_column_s8``."""
    rows, columns = filter_windows(op, graph)
    given, made = graph.tensors[op.inputs[INPUT]], result(op, graph)
    channels = given.shape[3]
    if 1 not in (rows.kernel, columns.kernel):
        return f"{rows.kernel}x{columns.kernel} taps, neither one row nor one column"
    if rows.pad or columns.pad or rows.pad_after or columns.pad_after:
        return "there is padding"
    if op.attrs.depth_multiplier != 1:
        return "several filters per channel"
    if channels < 4:
        return "fewer than four channels"
    numbers = layer(op, graph)
    solved = solve_rounding(rescaling_of(numbers))
    if isinstance(solved, str):
        return solved
    row_bytes = columns.in_size * channels
    is_column = columns.kernel == 1
    taps = rows.kernel if is_column else columns.kernel
    params = Struct(
        "tml_depthwise_column_params",
        (
            ("batches", given.shape[0]),
            ("in_batch", given.elements // given.shape[0]),
            ("in_row_step", rows.stride * row_bytes),
            ("in_step", columns.stride * channels),
            ("tap_step", rows.dilation * row_bytes if is_column else columns.dilation * channels),
            ("taps", taps),
            ("channels", channels),
            ("out_height", rows.out_size),
            ("out_width", columns.out_size),
            ("output_offset", numbers.output_zero_point),
        ),
    )
    constants = _constants(numbers, solved)
    pixels = made.elements // channels
    fours = pixels * -(-channels // 4)
    return KernelCall(
        "tml_depthwise_column_s8",
        "kernels/dsp/depthwise_column_s8.h",
        params,
        (
            Arg("input", INPUT),
            *(Arg("constant", constant=constant.name) for constant in constants),
            Arg("output"),
        ),
        constants,
        overlaps=(image_overlap(rows, columns, given.shape, made.shape),),
        cost=Cost(instructions=60 + 45 * pixels + fours * (27 * taps // 2 + 58), code_bytes=250),
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


VARIANTS = (Variant("dsp/depthwise_column", "DEPTHWISE_CONV_2D", "dsp", lower_column),)
