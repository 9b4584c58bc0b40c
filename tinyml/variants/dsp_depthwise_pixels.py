"""Depthwise convolution for Armv7E-M from the image as it lies, four channels at a time."""

from __future__ import annotations

import numpy as np

from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct
from tinyml.ir.requant import Rounding, solve_rounding
from tinyml.ir.shapes import Window
from tinyml.ops.common import result
from tinyml.ops.extents import images
from tinyml.ops.weighted import INPUT, WeightedSum
from tinyml.ops.windows import filter_windows, image_overlap, window_struct
from tinyml.variants import Variant
from tinyml.variants.dsp_planes import rescaling_of
from tinyml.variants.dsp_streams import IntArray, unrolled

MOST_PIXELS = 25  # outputs; of more, planes that are gathered once read their weights once
_CHANNELS = 4  # at a time
_UNROLLED = 9  # taps
_TAP_BYTES = 36  # of code
_WORDS = 4 + 12  # of the stream for four channels, besides two per tap


def lower(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A call of ``tml_dsp_depthwise_pixels_s8``."""
    given, made = graph.tensors[op.inputs[INPUT]].shape, result(op, graph).shape
    if op.attrs.depth_multiplier != 1:
        return "several filters per channel"
    if given[3] < _CHANNELS:
        return "fewer than four channels"
    if made[1] * made[2] > MOST_PIXELS:
        return f"more than {MOST_PIXELS} outputs per channel"
    solved = numbers.once(_solved)
    if isinstance(solved, str):
        return solved
    axes = filter_windows(op, graph)
    rows, columns = axes
    taps = rows.kernel * columns.kernel
    return KernelCall(
        "tml_dsp_depthwise_pixels_s8",
        "kernels/dsp/depthwise_pixels_s8.h",
        _params(axes, given, numbers.input_zero_point),
        (
            Arg("input", INPUT),
            Arg("constant", constant="weights"),
            Arg("output"),
            Arg("scratch", dtype=INT32),
        ),
        (_stream(numbers, solved),),
        scratch_bytes=8 * taps + -(-given[3] // 4) * 4,
        overlaps=(image_overlap(rows, columns, given, made),),
        cost=Cost(given[0] * _instructions(axes, given[3]), code_bytes=250),
        isa="dsp",
        note="four channels of a pixel at a time",
        times_read=given[0] * rows.out_size * columns.out_size,
        helpers=("tml_dsp_depthwise_pixel",),
    )


def _params(axes: tuple[Window, Window], given: tuple[int, ...], padding: int) -> Struct:
    taps = axes[0].kernel * axes[1].kernel
    loops, entry = unrolled(taps, _UNROLLED, _TAP_BYTES)
    return Struct(
        "tml_dsp_depthwise_pixels_params",
        (
            ("batches", given[0]),
            ("height", window_struct(axes[0])),
            ("width", window_struct(axes[1])),
            ("channels", given[3]),
            ("padding_value", padding),
            ("loops", loops),
            ("entry", entry),
            ("group_words", _WORDS + 2 * taps),
        ),
    )


def _solved(numbers: WeightedSum) -> Rounding | str:
    return solve_rounding(rescaling_of(numbers))


def _stream(numbers: WeightedSum, solved: Rounding) -> Constant:
    """Groups of four channels; the last one has the last four, whatever others have."""
    channels, taps = numbers.weights.shape
    firsts = [*range(0, channels - _CHANNELS + 1, _CHANNELS)]
    firsts += [channels - _CHANNELS] * (channels % _CHANNELS > 0)
    order = (np.array(firsts)[:, None] + np.arange(_CHANNELS)).reshape(-1)
    weights = 2 * numbers.weights[order].reshape(-1, _CHANNELS, taps)
    pairs: IntArray = weights[:, :2] & 0xFFFF | weights[:, 2:] << 16
    factors = np.stack((solved.multiplier, solved.offset, solved.shift), axis=1)
    parts = (
        2 * numbers.folded_bias()[order].reshape(-1, _CHANNELS),
        pairs.transpose(0, 2, 1).reshape(len(firsts), -1),
        factors[order].reshape(len(firsts), -1),
    )
    words = np.concatenate(parts, axis=1).reshape(-1)
    held = words.astype(np.uint64).astype(np.uint32).view(np.int32)
    return Constant("weights", held, "per four channels: biases, 16-bit weights, rescaling")


def _instructions(axes: tuple[Window, Window], channels: int) -> int:
    """The formula of depthwise_pixels_s8.h, of an image."""
    rows, columns = axes
    taps = rows.kernel * columns.kernel
    loops = unrolled(taps, _UNROLLED, _TAP_BYTES)[0]
    pixels = rows.out_size * columns.out_size
    inside = _inside(rows) * _inside(columns)
    groups = -(-channels // _CHANNELS)
    per_pixel = 60 + 30 * (channels % _CHANNELS > 0) + groups * (32 + 9 * taps + 2 * loops)
    return 60 + 15 * taps + pixels * per_pixel + (pixels - inside) * (30 + 12 * taps)


def _inside(axis: Window) -> int:
    """Windows that hang over no border."""
    first = -(-axis.pad // axis.stride)
    last = (axis.in_size - axis.extent + axis.pad) // axis.stride
    return max(0, min(last, axis.out_size - 1) - first + 1)


EXTENTS = {"tml_dsp_depthwise_pixels_params": images()}

VARIANTS = (Variant("dsp/depthwise_pixels", "DEPTHWISE_CONV_2D", "s8", "dsp", lower),)
