"""Depthwise convolution for cores with Helium (MVE): sixteen neighbouring outputs per vector.

Products are added in 16 bits as long as that is proven to hold them: inputs are at least -128, so
the products of some taps stay within 128 times the sum of their weights' magnitudes, which must not
exceed 255. With weights of at most 127 that is so for any two taps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Overlap, Struct, row_overlap
from tinyml.ir.shapes import Window
from tinyml.ops.common import result
from tinyml.ops.extents import Extent, Fields, walked
from tinyml.ops.weighted import INPUT, WeightedSum
from tinyml.ops.windows import filter_windows, image_overlap, is_padded
from tinyml.variants import Variant
from tinyml.variants.mve_rescale import (
    LANES,
    IntArray,
    adds_sign,
    lane_order,
    rescale_struct,
    scales_constant,
    why_not_rescaled,
)

MOST_ROWS = 16  # of taps, TML_MVE_MOST_ROWS
MOST_TAPS = 64  # that are written out
_LARGEST_WEIGHTS = 255  # 128 times that fits 16 bits


@dataclass(frozen=True, slots=True)
class Shape:
    """A depthwise layer as the kernel sees it."""

    batches: int
    rows: Window
    columns: Window
    channels: int

    @property
    def is_merged(self) -> bool:
        """Whether a whole row of outputs is one position."""
        return self.columns.stride == 1 and LANES % self.channels == 0

    @property
    def elements(self) -> int:
        """Outputs of a position."""
        return self.channels * (self.columns.out_size if self.is_merged else 1)

    @property
    def pitch(self) -> int:
        """Bytes of a padded row."""
        columns = self.columns
        return ((columns.out_size - 1) * columns.stride + columns.extent) * self.channels

    @property
    def is_padded(self) -> bool:
        """Whether rows are copied to the ring."""
        return is_padded(self.rows, self.columns)

    @property
    def ring_rows(self) -> int:
        """Rows of the ring, 0 without one."""
        return self.rows.extent if self.is_padded else 0


def lower(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A call of ``tml_mve_depthwise_conv_2d_s8``."""
    if op.attrs.depth_multiplier != 1:
        return "several filters per channel"
    reason = why_not_rescaled(numbers)
    if reason is not None:
        return reason
    shape = shape_of(op, graph)
    taps = shape.rows.kernel * shape.columns.kernel
    if shape.rows.kernel > MOST_ROWS or taps > MOST_TAPS:
        return f"{shape.rows.kernel}x{shape.columns.kernel} taps"
    return _call(shape, numbers, result(op, graph).shape, graph.tensors[op.inputs[INPUT]].shape)


def shape_of(op: Op, graph: Graph) -> Shape:
    """The layer's shape; a column of pixels is taken as a row, which lies the same in memory."""
    rows, columns = filter_windows(op, graph)
    if (columns.in_size, columns.out_size, columns.kernel) == (1, 1, 1):
        rows, columns = Window(1, 1, 1, 1, 0, 1), rows
    batches, _, _, channels = graph.tensors[op.inputs[INPUT]].shape
    return Shape(batches, rows, columns, channels)


def largest_group(weights: IntArray) -> int:
    """The most taps such that 16 bits hold the products of every group of so many."""
    magnitudes = np.abs(weights)
    taps = magnitudes.shape[1]
    for group in range(taps, 1, -1):
        starts = np.arange(0, taps, group)
        if int(np.add.reduceat(magnitudes, starts, axis=1).max()) <= _LARGEST_WEIGHTS:
            return group
    return 1


def _ring_struct(shape: Shape, padding: int) -> Struct:
    rows, columns, channels = shape.rows, shape.columns, shape.channels
    return Struct(
        "tml_mve_ring_params",
        (
            ("in_rows", rows.in_size),
            ("in_row_bytes", columns.in_size * channels),
            ("pad_rows", rows.pad),
            ("pad_bytes", columns.pad * channels),
            ("padding_value", padding),
            ("rows", shape.ring_rows),
            ("pitch", shape.pitch),
        ),
    )


def _params(shape: Shape, numbers: WeightedSum, group: int, *, is_single: bool) -> Struct:
    """``is_single``: all positions have the same block of sixteen outputs."""
    rows, columns, channels = shape.rows, shape.columns, shape.channels
    return Struct(
        "tml_mve_depthwise_params",
        (
            ("batches", shape.batches),
            ("in_bytes", rows.in_size * columns.in_size * channels),
            ("out_rows", rows.out_size),
            ("positions", 1 if shape.is_merged else columns.out_size),
            ("step", columns.stride * channels),
            ("elements", shape.elements),
            ("block_weights", 0 if is_single else LANES * numbers.weights.shape[1]),
            ("block_scales", 0 if is_single else 48),
            ("kernel_h", rows.kernel),
            ("kernel_w", columns.kernel),
            ("stride_h", rows.stride),
            ("dilation_h", rows.dilation),
            ("tap_bytes", columns.dilation * channels),
            ("group", group),
            ("height", rows.extent),
            ("ring", _ring_struct(shape, numbers.input_zero_point)),
            ("rescale", rescale_struct(numbers.output_zero_point, numbers.bounds)),
        ),
    )


def _call(
    shape: Shape, numbers: WeightedSum, made: tuple[int, ...], given: tuple[int, ...]
) -> KernelCall:
    lanes, group = _lanes(shape), largest_group(numbers.weights)
    scratch_bytes = shape.ring_rows * shape.pitch
    order = lane_order(LANES)
    return KernelCall(
        "tml_mve_depthwise_conv_2d_s8",
        "kernels/mve/depthwise_conv_2d_s8.h",
        _params(shape, numbers, group, is_single=len(lanes) == 1),
        (
            Arg("input", INPUT),
            Arg("constant", constant="weights"),
            Arg("constant", constant="scales"),
            Arg("output"),
            Arg("scratch", dtype=INT8) if scratch_bytes else Arg("output"),
        ),
        (
            Constant(
                "weights",
                numbers.weights[lanes].transpose(0, 2, 1).astype(np.int8).reshape(-1),
                "sixteen channels, tap by tap",
            ),
            scales_constant(numbers, lanes[:, order].reshape(-1)),
        ),
        scratch_bytes=scratch_bytes,
        overlaps=(_overlap(shape, given, made),),
        cost=Cost(_instructions(shape, numbers, group), code_bytes=900),
        isa="mve",
        note=f"{group} taps added in 16 bits",
    )


def _lanes(shape: Shape) -> IntArray:
    """The channels of each block of sixteen outputs of a position, where they differ."""
    channels = shape.channels
    if LANES % channels == 0:
        return np.arange(LANES).reshape(1, LANES) % channels
    if channels < LANES:
        return np.minimum(np.arange(LANES), channels - 1).reshape(1, LANES)
    firsts = [min(first, channels - LANES) for first in range(0, channels, LANES)]
    return np.array(firsts).reshape(-1, 1) + np.arange(LANES)


def _overlap(shape: Shape, given: tuple[int, ...], made: tuple[int, ...]) -> Overlap:
    rows, columns = shape.rows, shape.columns
    if not shape.is_padded and not shape.is_merged:
        return image_overlap(
            rows,
            columns,
            (shape.batches, rows.in_size, columns.in_size, shape.channels),
            (shape.batches, rows.out_size, columns.out_size, shape.channels),
        )
    row_bytes = columns.in_size * shape.channels
    made_bytes = columns.out_size * shape.channels
    steps: list[tuple[int, int]] = []
    for batch in range(shape.batches):
        read, written = batch * rows.in_size, batch * rows.out_size
        for out in range(rows.out_size):
            start, end = (written + out) * made_bytes, (written + out + 1) * made_bytes
            below = out * rows.stride - rows.pad + rows.extent
            if out == rows.out_size - 1:
                below = rows.in_size
            keep = (read + min(max(below, 0), rows.in_size)) * row_bytes
            if shape.is_padded:
                steps += [(start, keep), (end, keep)]
            else:
                steps.append((end, (read + rows.first_needed(out + 1)) * row_bytes))
    return row_overlap(INPUT, tuple(steps))


def _instructions(shape: Shape, numbers: WeightedSum, group: int) -> int:
    rows, columns = shape.rows, shape.columns
    taps = rows.kernel * columns.kernel
    groups = -(-taps // group)
    is_signed = adds_sign(numbers.output_zero_point, numbers.bounds)
    per_block = 36 + 12 * is_signed + 5 * taps + 10 * groups + 4 * rows.kernel
    blocks = (1 if shape.is_merged else columns.out_size) * -(-shape.elements // LANES)
    per_row = 20 + 6 * rows.kernel + blocks * per_block
    filling = rows.in_size * (20 + 3 * -(-shape.pitch // LANES)) if shape.ring_rows else 0
    return 60 + shape.batches * (rows.out_size * per_row + filling)


def _extent(f: Fields) -> Extent:
    ring, made = f["ring"], f["out_rows"] * f["positions"] * f["elements"]
    taps_h, taps_w = (f["kernel_h"], f["kernel_w"])
    read = (0, f["batches"] * ring["in_rows"] * ring["in_row_bytes"])
    if not ring["rows"]:
        read = walked(
            (f["batches"], f["out_rows"], taps_h, f["positions"], taps_w),
            (
                f["in_bytes"],
                f["stride_h"] * ring["in_row_bytes"],
                f["dilation_h"] * ring["in_row_bytes"],
                f["step"],
                f["tap_bytes"],
            ),
            f["elements"],
        )
    return Extent((read,), (0, f["batches"] * made), f["batches"] * made)


EXTENTS = {"tml_mve_depthwise_params": _extent}

VARIANTS = (Variant("mve/depthwise_conv_2d", "DEPTHWISE_CONV_2D", "s8", "mve", lower),)
