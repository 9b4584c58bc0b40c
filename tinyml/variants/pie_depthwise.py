"""Depthwise convolution for the ESP32-S3's vector unit: sixteen channels at a time."""

from __future__ import annotations

import numpy as np

from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct
from tinyml.ir.requant import IntArray
from tinyml.ir.shapes import Window
from tinyml.ops.extents import images
from tinyml.ops.halves import cut_images
from tinyml.ops.weighted import INPUT, WeightedSum
from tinyml.ops.windows import filter_windows, image_overlap, window_struct
from tinyml.variants import Variant
from tinyml.variants.pie_gemm import ISA, over_all_channels, runs_added, windows
from tinyml.variants.pie_rescale import LANES, SUMS_BYTES, lane_scales


def lower(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall:
    """A call of ``tml_pie_depthwise_conv_2d_s8``, or of the convolution's kernel."""
    given = graph.tensors[op.inputs[INPUT]].shape
    if len(numbers.weights) != given[3]:
        return windows(op, graph, numbers.once(over_all_channels, 1, given[3]))
    return per_channel(numbers, given, *filter_windows(op, graph))


def per_channel(
    numbers: WeightedSum, given: tuple[int, ...], rows: Window, columns: Window
) -> KernelCall:
    """One filter for each channel of ``given``, [batch, rows, columns, channels]."""
    channels, taps = numbers.weights.shape
    scales = numbers.once(lane_scales)
    added = runs_added(scales.weights[:, :, None])
    is_split = added < taps
    lanes = scales.lanes(is_split=is_split)
    fields = (
        *(("batches", given[0]), ("height", window_struct(rows))),
        *(("width", window_struct(columns)), ("channels", channels)),
        *(("padding_value", numbers.input_zero_point), ("lanes", lanes)),
        *(("taps_added", added if is_split else 0), ("rescale", scales.struct())),
    )
    made = (given[0], rows.out_size, columns.out_size, channels)
    groups, parts = -(-channels // LANES), -(-taps // added)
    outputs = 20 + scales.cost(lanes)
    pixel = (
        rows.out_size * columns.out_size * groups * (11 * taps + 110 * parts + outputs)
        if is_split
        else _pixel_cost(rows, columns, channels, outputs)
    )
    return KernelCall(
        "tml_pie_depthwise_conv_2d_s8",
        "kernels/pie/depthwise_conv_2d_s8.h",
        Struct("tml_pie_depthwise_params", fields),
        (
            Arg("input", INPUT),
            *(Arg("constant", constant=item) for item in ("weights", "scales")),
            Arg("output"),
            Arg("scratch", dtype=INT8),
        ),
        (_weights(scales.weights), scales.constant(lanes)),
        scratch_bytes=SUMS_BYTES + groups * LANES + -(-channels // 4) * 4 + 4 * taps,
        overlaps=(image_overlap(rows, columns, given, made),),
        cost=Cost(60 + given[0] * pixel, code_bytes=1400),
        isa=ISA,
        note=scales.note(is_split=is_split),
    )


def _pixel_cost(rows: Window, columns: Window, channels: int, outputs: int) -> int:
    """On average over the image; of pixels at its edge taps are found one by one."""
    taps, groups = rows.kernel * columns.kernel, -(-channels // LANES)
    pixels = rows.out_size * columns.out_size
    inside = rows.whole_outputs() * columns.whole_outputs()
    per_tap = 2 if channels % LANES == 0 else 4
    put = channels if channels % LANES else 5 * groups
    work = inside * per_tap * taps + (pixels - inside) * 7 * taps + outputs * pixels
    return (45 + put) * pixels + (pixels - inside) * (40 + 8 * taps) + groups * work


def _weights(weights: IntArray) -> Constant:
    channels, taps = weights.shape
    groups = -(-channels // LANES)
    filled = np.zeros((groups * LANES, taps), np.int8)
    filled[:channels] = weights
    lanes = filled.reshape(groups, LANES, taps).transpose(0, 2, 1).reshape(-1)
    return Constant(
        "weights",
        np.concatenate([lanes, np.zeros(LANES, np.int8)]),
        f"{LANES} channels side by side, tap by tap; the last {LANES} bytes are read and not used",
        alignment=LANES,
    )


EXTENTS = {"tml_pie_depthwise_params": images("channels", "channels")}

HALVES = {"tml_pie_depthwise_params": cut_images()}

VARIANTS = (Variant("pie/depthwise_conv_2d", "DEPTHWISE_CONV_2D", "s8", ISA, lower),)
