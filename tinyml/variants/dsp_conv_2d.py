"""General convolution for cores with DSP instructions, by widening windows for a matrix kernel.

The planner may trade: padded rows stand in scratch, a band at a time. A taller band wastes fewer
pixels where the width is not a multiple of three.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import KernelCall, Overlap, Struct, Value, row_overlap
from tinyml.ir.shapes import Window
from tinyml.ops.common import result
from tinyml.ops.extents import banded
from tinyml.ops.weighted import INPUT, WeightedSum
from tinyml.ops.windows import blocks_overlap, filter_windows, image_overlap
from tinyml.variants import Variant
from tinyml.variants.dsp_gemm import (
    MatrixKernel,
    Tail,
    choose_tail,
    gemm_cost,
    gemm_params,
    gemm_scratch,
    matrix_call,
    why_not_dense,
)
from tinyml.variants.dsp_streams import choose_pair_form, pair_stream, stream_order
from tinyml.variants.needs import Needs

# A body of its own saves some 50 instructions per three pixels and takes 600 to 1,500 bytes: worth
# it where a group of three pixels takes few instructions and there are many such groups.
_SHARED_FROM = 2500  # instructions per three pixels
_SHARED_BELOW = 150  # groups of three pixels


@dataclass(frozen=True, slots=True)
class Band:
    """Padded rows of the input in scratch, or the input itself when ``rows`` is 0."""

    at_once: int  # rows of outputs per position of the band
    rows: int
    step: int  # input rows by which it moves
    pitch: int  # bytes per row

    @property
    def nbytes(self) -> int:
        """Scratch that it takes."""
        return self.rows * self.pitch

    def struct(self, rows: Window, columns: Window, channels: int, fill: int) -> Struct:
        """Its ``tml_dsp_band_params``."""
        return Struct(
            "tml_dsp_band_params",
            (
                ("in_rows", rows.in_size),
                ("in_row_bytes", columns.in_size * channels),
                ("pad_rows", rows.pad),
                ("pad_bytes", columns.pad * channels),
                ("padding_value", fill),
                ("out_rows", rows.out_size),
                ("at_once", self.at_once),
                ("rows", self.rows),
                ("step", self.step),
                ("pitch", self.pitch),
            ),
        )


@dataclass(frozen=True, slots=True)
class Shape:
    """A convolution as the kernel sees it."""

    batches: int
    rows: Window
    columns: Window
    channels: int
    filters: int


def convolution(op: Op, graph: Graph, layer: WeightedSum) -> KernelCall | str:
    """Any convolution that is not grouped."""
    reason = why_not_dense(op, graph)
    if reason is not None:
        return reason
    shape = shape_of(op, graph)
    axes = (shape.rows, shape.columns)
    if all((axis.kernel, axis.stride) == (1, 1) for axis in axes):
        return _three_pixels(layer, result(op, graph).elements)
    return _convolve(shape, layer)


def fully_connected_rows(op: Op, graph: Graph, layer: WeightedSum) -> KernelCall | str:
    """FULLY_CONNECTED, three rows of inputs at a time."""
    return _three_pixels(layer, result(op, graph).elements)


def shape_of(op: Op, graph: Graph) -> Shape:
    """The shape of a CONV_2D."""
    given = graph.tensors[op.inputs[INPUT]]
    rows, columns = filter_windows(op, graph)
    return Shape(given.shape[0], rows, columns, given.shape[3], result(op, graph).shape[3])


def _three_pixels(layer: WeightedSum, outputs: int) -> KernelCall:
    """A 1x1 convolution with stride 1."""
    filters, channels = layer.weights.shape
    pixels = outputs // filters
    form = layer.once(choose_pair_form)
    order = stream_order(1, channels, 4)
    fields: tuple[tuple[str, Value], ...] = (
        ("pixels", pixels),
        ("in_channels", channels),
        ("gemm", gemm_params(form, layer, len(order))),
    )
    per_three = 70 + 13 * (channels // 4) + 12 * (channels % 4) + gemm_cost(form, len(order))
    count = -(-pixels // 3)
    return matrix_call(
        _kernel("pointwise", per_three, count),
        fields,
        pair_stream(form, order),
        form,
        Needs(
            gemm_scratch(form, len(order)),
            blocks_overlap(pixels, 3, channels, filters),
            60 + count * per_three,
        ),
    )


def _kernel(name: str, per_three: int, count: int) -> MatrixKernel:
    """With a body of its own where that is worth its code."""
    return MatrixKernel(name, is_shared=per_three > _SHARED_FROM or count < _SHARED_BELOW)


@dataclass(frozen=True, slots=True)
class Walk:
    """The runs of neighbouring bytes that a window consists of."""

    groups: int
    segments: int  # runs per group
    length: int  # bytes of a run

    def instructions(self) -> int:
        """To widen three windows."""
        per_segment = 6 + 13 * (self.length // 4) + 12 * (self.length % 4)
        return 60 + self.groups * (40 + self.segments * per_segment)


def walk_of(shape: Shape) -> Walk:
    """How windows are gathered: a row of taps is one run unless they are dilated."""
    rows, columns = shape.rows, shape.columns
    if columns.dilation == 1:
        return Walk(1, rows.kernel, shape.channels * columns.kernel)
    return Walk(rows.kernel, columns.kernel, shape.channels)


def gather_struct(shape: Shape, band: Band, tail: Tail) -> Struct:
    """How windows are gathered, as ``tml_dsp_window_params``."""
    rows, columns, channels, walk = shape.rows, shape.columns, shape.channels, walk_of(shape)
    step_x, row_pitch = columns.stride * channels, rows.dilation * band.pitch
    is_dense = columns.dilation == 1
    return Struct(
        "tml_dsp_window_params",
        (
            ("out_columns", columns.out_size),
            ("step_x", step_x),
            ("step_y", rows.stride * band.pitch - columns.out_size * step_x),
            ("groups", walk.groups),
            ("group_pitch", row_pitch),
            ("segments", walk.segments),
            ("segment_bytes", walk.length),
            ("segment_step", row_pitch if is_dense else columns.dilation * channels),
            ("tail", tail.pixels),
            ("tail_loops", tail.loops),
            ("tail_entry", tail.entry),
        ),
    )


def _convolve(shape: Shape, layer: WeightedSum) -> KernelCall:
    rows, columns, channels = shape.rows, shape.columns, shape.channels
    form, walk = layer.once(choose_pair_form), walk_of(shape)
    band = choose_band(rows, columns, channels)
    order = stream_order(walk.groups * walk.segments, walk.length, 4)
    scratch = gemm_scratch(form, len(order))
    tail = choose_tail(form, len(order), band.at_once * columns.out_size)
    fields: tuple[tuple[str, Value], ...] = (
        ("batches", shape.batches),
        ("band", band.struct(rows, columns, channels, layer.input_zero_point)),
        ("band_offset", scratch),
        ("window", gather_struct(shape, band, tail)),
        ("gemm", gemm_params(form, layer, len(order))),
    )
    per_three = walk.instructions() + gemm_cost(form, len(order))
    count = triples(band, rows, columns)
    work = count * per_three + band_cost(band, rows, columns, channels)
    work -= rows.out_size // band.at_once * tail.saved
    call = matrix_call(
        _kernel("conv_2d", per_three, count),
        fields,
        pair_stream(form, order),
        form,
        Needs(scratch + band.nbytes, overlap_of(shape, band), 60 + shape.batches * work),
    )
    return replace(call, helpers=(*call.helpers, *tail.helpers(form)))


def overlap_of(shape: Shape, band: Band) -> Overlap:
    """How far outputs may run into the input."""
    rows, columns = shape.rows, shape.columns
    if band.rows:
        return band_overlap(shape, band)
    given = (shape.batches, rows.in_size, columns.in_size, shape.channels)
    made = (shape.batches, rows.out_size, columns.out_size, shape.filters)
    return image_overlap(rows, columns, given, made)


def choose_band(rows: Window, columns: Window, channels: int) -> Band:
    """The lowest band that wastes little, or none where there is no padding."""
    row_bytes = columns.in_size * channels
    if not (rows.pad or rows.pad_after or columns.pad or columns.pad_after):
        return Band(rows.out_size, 0, 0, row_bytes)
    width = (columns.out_size - 1) * columns.stride + columns.extent
    pitch = -(-width * channels // 4) * 4
    bands = []
    for out_rows in range(1, min(3, rows.out_size) + 1):
        height = (out_rows - 1) * rows.stride + rows.extent
        bands.append(Band(out_rows, height, out_rows * rows.stride, pitch))
    fewest = min(triples(band, rows, columns) for band in bands)
    # Up to a thirtieth more work for less scratch.
    return next(band for band in bands if 30 * triples(band, rows, columns) <= 31 * fewest)


def triples(band: Band, rows: Window, columns: Window) -> int:
    """How often three windows are widened, per image."""
    whole, rest = divmod(rows.out_size, band.at_once)
    return whole * -(-band.at_once * columns.out_size // 3) - (-rest * columns.out_size // 3)


def band_cost(band: Band, rows: Window, columns: Window, channels: int) -> int:
    """Instructions that fill and move the band, per image."""
    if not band.rows:
        return 0
    positions = -(-rows.out_size // band.at_once)
    kept = max(0, band.rows - band.step)
    filled = band.rows + (positions - 1) * (band.rows - kept)
    row = 25 + 10 * (columns.in_size * channels // 16) + 4 * (columns.in_size * channels % 16)
    return filled * row + positions * (40 + 10 * (kept * band.pitch // 16)) + band.nbytes


def band_overlap(shape: Shape, band: Band) -> Overlap:
    """All rows under a position of the band are read, then its outputs are written."""
    rows = shape.rows
    row_bytes = shape.columns.in_size * shape.channels
    made_bytes = shape.columns.out_size * shape.filters
    steps: list[tuple[int, int]] = []
    for batch in range(shape.batches):
        read, made = batch * rows.in_size * row_bytes, batch * rows.out_size * made_bytes
        for first in range(0, rows.out_size, band.at_once):
            last = min(first + band.at_once, rows.out_size)
            below = first * rows.stride - rows.pad + band.rows
            if last == rows.out_size:
                below = rows.in_size
            keep = read + min(max(below, 0), rows.in_size) * row_bytes
            steps += [(made + first * made_bytes, keep), (made + last * made_bytes, keep)]
    return row_overlap(0, tuple(steps))


EXTENTS = {"tml_dsp_conv_2d_params": banded("window.out_columns", "gemm.out_channels")}

VARIANTS = (
    Variant("dsp/conv_2d", "CONV_2D", "s8", "dsp", convolution),
    Variant("dsp/rows", "FULLY_CONNECTED", "s8", "dsp", fully_connected_rows),
)
