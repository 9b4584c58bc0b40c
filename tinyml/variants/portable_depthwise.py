"""Depthwise convolution for cores without DSP instructions: two outputs per multiplication."""

from __future__ import annotations

from functools import partial

import numpy as np

from tinyml.ir.dtype import UINT32
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Overlap, Struct
from tinyml.ir.shapes import Window
from tinyml.ops.extents import images
from tinyml.ops.halves import cut_images
from tinyml.ops.weighted import INPUT, WeightedSum
from tinyml.ops.windows import filter_windows, window_struct
from tinyml.target.cores import Family
from tinyml.variants import Variant
from tinyml.variants.families import FAMILIES
from tinyml.variants.portable_gemm import LARGEST_CHUNK, rescale_cost
from tinyml.variants.portable_rescale import IntArray, rescale_of

MOST_ROWS, MOST_TAPS = 16, 64  # TML_PORTABLE_MOST_ROWS, TML_PORTABLE_MOST_TAPS
_MOST_CHUNK = 8  # taps that are written out
_IN_PLACE = "channels do not meet, and rows are read before outputs of theirs are written"


def lower(family: Family, op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A call of ``tml_portable_depthwise_conv_2d_s8``."""
    if op.attrs.depth_multiplier != 1:
        return "several filters per channel"
    rows, columns = filter_windows(op, graph)
    if (columns.in_size, columns.out_size, columns.kernel) == (1, 1, 1):
        rows, columns = Window(1, 1, 1, 1, 0, 1), rows  # a column lies in memory as a row does
    if (rows.kernel - 1) * rows.dilation >= MOST_ROWS or rows.kernel * columns.kernel > MOST_TAPS:
        return f"{rows.kernel}x{columns.kernel} taps"
    given = graph.tensors[op.inputs[INPUT]].shape
    return _call(family, given, rows, columns, numbers.with_bounded_sums)


def _call(
    family: Family, given: tuple[int, ...], rows: Window, columns: Window, numbers: WeightedSum
) -> KernelCall:
    chunk = largest_chunk(numbers.weights, columns.kernel)
    rescale = numbers.once(rescale_of, family)
    batches, _, _, channels = given
    row_words = words_of_row(columns)
    span = (rows.kernel - 1) * rows.dilation + 1
    work = _instructions(rows, columns, chunk, rescale_cost(family, rescale))
    return KernelCall(
        "tml_portable_depthwise_conv_2d_s8",
        "kernels/portable/depthwise_conv_2d_s8.h",
        Struct(
            "tml_portable_depthwise_params",
            (
                ("batches", batches),
                ("height", window_struct(rows)),
                ("width", window_struct(columns)),
                ("channels", channels),
                ("padding_value", numbers.input_zero_point),
                ("row_words", row_words),
                ("chunk", chunk),
                ("rescale", rescale.struct),
            ),
        ),
        (
            Arg("input", INPUT),
            Arg("constant", constant="weights"),
            Arg("constant", constant="scales"),
            Arg("output"),
            Arg("scratch", dtype=UINT32),
        ),
        (_weights(numbers), rescale.constant(channels)),
        scratch_bytes=4 * span * row_words,
        overlaps=(Overlap(INPUT, 0, reason=_IN_PLACE),) * is_safe_in_place(batches, rows, columns),
        cost=Cost(batches * channels * work, code_bytes=700),
        isa=family.name,
        note=f"rescaling {rescale.form.lower()}, sums of {chunk} taps in 16 bits",
    )


def largest_chunk(weights: IntArray, row_taps: int) -> int:
    """Taps of a filter's row whose products 16 bits can hold: at least one."""
    rows = np.abs(weights).reshape(-1, row_taps)
    for chunk in range(min(row_taps, _MOST_CHUNK), 1, -1):
        starts = range(0, row_taps, chunk)
        if all(rows[:, i : i + chunk].sum(axis=1).max() <= LARGEST_CHUNK for i in starts):
            return chunk
    return 1


def words_of_row(columns: Window) -> int:
    """Words that the pairs of outputs of a row read."""
    pairs = -(-columns.out_size // 2)
    return int((pairs - 1) * 2 * columns.stride + (columns.kernel - 1) * columns.dilation + 1)


def is_safe_in_place(batches: int, rows: Window, columns: Window) -> bool:
    """Whether a channel's inputs are read before outputs come to lie on them."""
    span = (rows.kernel - 1) * rows.dilation + 1
    for out_y in range(rows.out_size):
        read = min(rows.in_size, out_y * rows.stride + span - rows.pad)
        if (out_y + 1) * columns.out_size > read * columns.in_size:
            return False
    return batches == 1


def _instructions(rows: Window, columns: Window, chunk: int, rescaling: int) -> int:
    """Of one channel."""
    span = (rows.kernel - 1) * rows.dilation + 1
    packed = min(rows.out_size * rows.stride, rows.in_size) + span
    pair = 3 * rows.kernel * columns.kernel + 4 * rows.kernel * -(-columns.kernel // chunk)
    pair += 20 + 2 * rescaling
    row = 40 + 6 * rows.kernel + -(-columns.out_size // 2) * pair
    return int(
        60
        + 6 * rows.kernel * columns.kernel
        + packed * (40 + 10 * words_of_row(columns))
        + rows.out_size * row
    )


def _weights(numbers: WeightedSum) -> Constant:
    data = numbers.weights.astype(np.int8).reshape(-1)
    return Constant("weights", data, "channel, row, column")


EXTENTS = {"tml_portable_depthwise_params": images()}

HALVES = {"tml_portable_depthwise_params": cut_images()}

VARIANTS = tuple(
    Variant(
        f"{family.name}/depthwise_conv_2d",
        "DEPTHWISE_CONV_2D",
        "s8",
        family.name,
        partial(lower, family),
    )
    for family in FAMILIES
)
