"""General convolution for cores with DSP instructions, by widening windows for a matrix kernel.

The planner may trade: padded rows stand in scratch, a band at a time. A taller band wastes fewer
pixels where the width is not a multiple of three.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import KernelCall, Overlap, Value, row_overlap
from tinyml.ir.shapes import Window
from tinyml.ops import conv_2d
from tinyml.ops.common import result
from tinyml.ops.weighted import INPUT
from tinyml.ops.windows import filter_windows, image_overlap
from tinyml.variants import Variant
from tinyml.variants.dsp_gemm import (
    gemm_cost,
    gemm_params,
    gemm_scratch,
    matrix_call,
    why_not_dense,
)
from tinyml.variants.dsp_streams import choose_form, pair_stream, stream_order


@dataclass(frozen=True, slots=True)
class Band:
    """Padded rows of the input in scratch; ``out_rows`` is 0 when windows lie in the input."""

    out_rows: int  # rows of outputs per position of the band
    rows: int
    step: int  # input rows by which it moves
    pitch: int  # bytes per row

    @property
    def nbytes(self) -> int:
        """Scratch that it takes."""
        return self.rows * self.pitch if self.out_rows else 0


def convolution(op: Op, graph: Graph) -> KernelCall | str:
    """Any convolution that is not grouped."""
    reason = why_not_dense(op, graph)
    if reason is not None:
        return reason
    given, made = graph.tensors[op.inputs[INPUT]], result(op, graph)
    rows, columns = filter_windows(op, graph)
    batches, _, _, channels = given.shape
    layer = conv_2d.layer(op, graph)
    form = choose_form(layer)
    band = choose_band(rows, columns, channels)
    is_dense = columns.dilation == 1
    segments = (rows.kernel, 1) if is_dense else (rows.kernel, columns.kernel)
    length = channels * (columns.kernel if is_dense else 1)
    order = stream_order(segments[0] * segments[1], length, 4)
    scratch = gemm_scratch(form, len(order))
    step_x = columns.stride * channels
    fields: tuple[tuple[str, Value], ...] = (
        ("batches", batches),
        ("in_rows", rows.in_size),
        ("in_row_bytes", columns.in_size * channels),
        ("out_rows", rows.out_size),
        ("out_columns", columns.out_size),
        ("pad_rows", rows.pad),
        ("pad_bytes", columns.pad * channels),
        ("padding_value", layer.input_zero_point),
        ("band", scratch),
        ("band_out_rows", band.out_rows),
        ("band_rows", band.rows),
        ("band_step", band.step),
        ("pitch", band.pitch),
        ("step_x", step_x),
        ("step_y", rows.stride * band.pitch - columns.out_size * step_x),
        ("segment_rows", segments[0]),
        ("segment_pitch", rows.dilation * band.pitch),
        ("segment_columns", segments[1]),
        ("segment_step", columns.dilation * channels),
        ("segment_bytes", length),
        ("gemm", gemm_params(form, layer, len(order))),
    )
    per_segment = 25 + 13 * (length // 4) + 9 * (length % 4)
    per_three = 70 + segments[0] * segments[1] * per_segment + gemm_cost(form, len(order))
    work = triples(band, rows, columns) * per_three + band_cost(band, rows, columns, channels)
    overlap = (
        band_overlap(band, rows, columns, batches, channels, made.shape[3])
        if band.out_rows
        else image_overlap(rows, columns, given.shape, made.shape)
    )
    return matrix_call(
        "conv_2d",
        fields,
        pair_stream(form, order),
        form,
        scratch_bytes=scratch + band.nbytes,
        overlap=overlap,
        instructions=60 + batches * work,
    )


def choose_band(rows: Window, columns: Window, channels: int) -> Band:
    """The lowest band that wastes little, or none where there is no padding."""
    row_bytes = columns.in_size * channels
    if not (rows.pad or rows.pad_after or columns.pad or columns.pad_after):
        return Band(0, 0, 0, row_bytes)
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
    if not band.out_rows:
        return -(-rows.out_size * columns.out_size // 3)
    whole, rest = divmod(rows.out_size, band.out_rows)
    return whole * -(-band.out_rows * columns.out_size // 3) - (-rest * columns.out_size // 3)


def band_cost(band: Band, rows: Window, columns: Window, channels: int) -> int:
    """Instructions that fill and move the band, per image."""
    if not band.out_rows:
        return 0
    positions = -(-rows.out_size // band.out_rows)
    kept = max(0, band.rows - band.step)
    filled = band.rows + (positions - 1) * (band.rows - kept)
    row = 25 + 10 * (columns.in_size * channels // 16) + 4 * (columns.in_size * channels % 16)
    return filled * row + positions * (40 + 10 * (kept * band.pitch // 16)) + band.nbytes


def band_overlap(
    band: Band, rows: Window, columns: Window, batches: int, channels: int, filters: int
) -> Overlap:
    """All rows under a position of the band are read, then its outputs are written."""
    row_bytes, made_bytes = columns.in_size * channels, columns.out_size * filters
    steps: list[tuple[int, int]] = []
    for batch in range(batches):
        read, made = batch * rows.in_size * row_bytes, batch * rows.out_size * made_bytes
        for first in range(0, rows.out_size, band.out_rows):
            last = min(first + band.out_rows, rows.out_size)
            below = first * rows.stride - rows.pad + band.rows
            keep = read + min(max(below, 0), rows.in_size) * row_bytes
            if last == rows.out_size:
                keep = read + rows.in_size * row_bytes
            steps += [(made + first * made_bytes, keep), (made + last * made_bytes, keep)]
    return row_overlap(0, tuple(steps))


VARIANTS = (Variant("dsp/conv_2d", "CONV_2D", "dsp", convolution),)
