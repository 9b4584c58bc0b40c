"""Exact Winograd F(2, 3) along rows for cores with DSP instructions: two thirds of the products.

For outputs of any size; where rows and columns are even in number and filters are many,
F(2x2, 3x3) takes fewer. Pays with flash, 24 bytes per channel and filter instead of 9. Nothing is
rounded: with twice the usual filter transform all intermediates are integers, and the block
delivers twice the sum (winograd_row_block.h).
"""

from __future__ import annotations

import numpy as np

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Constant, KernelCall, Value
from tinyml.ops.extents import banded
from tinyml.ops.weighted import WeightedSum
from tinyml.variants import Variant
from tinyml.variants.dsp_conv_2d import Band, Shape, band_cost, overlap_of
from tinyml.variants.dsp_gemm import MatrixKernel, matrix_call
from tinyml.variants.dsp_streams import LINEAR, ROUNDING, Form, unrolled
from tinyml.variants.dsp_winograd import RUNS, TWICE_G, choose_form, runs_stream, tiled_shape
from tinyml.variants.needs import Needs

_SHIFTS = (5, 4, 6, 3)  # those that have a block
_BLOCK = {LINEAR: 122, ROUNDING: 148}  # instructions per pair of filters besides its runs


def winograd_row(op: Op, graph: Graph, layer: WeightedSum) -> KernelCall | str:
    """A dense 3x3 convolution with stride 1."""
    shape = tiled_shape(op, graph)
    if isinstance(shape, str):
        return shape
    if shape.columns.out_size < 2:
        return "the output has a single column"
    form = layer.once(choose_form, 1, _SHIFTS)
    return form if isinstance(form, str) else _call(shape, layer, form)


def _call(shape: Shape, layer: WeightedSum, form: Form) -> KernelCall:
    rows, columns, channels = shape.rows, shape.columns, shape.channels
    band = choose_row_band(shape)
    steps = 3 * (channels // 4)
    loops, entry = unrolled(steps, 4, 64)
    weights = row_stream(form, channels)
    fields: tuple[tuple[str, Value], ...] = (
        ("batches", shape.batches),
        ("band", band.struct(rows, columns, channels, layer.input_zero_point)),
        ("band_offset", 72 * channels),
        ("out_columns", columns.out_size),
        ("in_channels", channels),
        ("out_channels", shape.filters),
        ("form", form.kind),
        ("shift", form.shift),
        ("loops", loops),
        ("entry", entry),
        ("weight_words", weights.data.size),
    )
    block = _BLOCK[form.kind] + 4 * (16 * steps + 2 * loops)
    per_three = 200 + 3 * 33 * steps + shape.filters // 2 * block
    work = _tile_triples(shape, band) * per_three + band_cost(band, rows, columns, channels)
    return matrix_call(
        MatrixKernel("winograd_row", "winograd_row"),
        fields,
        weights,
        form,
        Needs(72 * channels + band.nbytes, overlap_of(shape, band), 60 + shape.batches * work),
    )


def choose_row_band(shape: Shape) -> Band:
    """The lowest band that wastes little, or none where every tile lies in the input."""
    rows, columns = shape.rows, shape.columns
    is_padded = rows.pad or rows.pad_after or columns.pad or columns.pad_after
    if not (is_padded or columns.out_size % 2):
        return Band(rows.out_size, 0, 0, columns.in_size * shape.channels)
    pitch = (columns.out_size + 2) * shape.channels
    bands = [Band(n, n + 2, n, pitch) for n in (1, 2, 3) if n <= rows.out_size]
    fewest = min(_tile_triples(shape, band) for band in bands)
    return next(band for band in bands if 30 * _tile_triples(shape, band) <= 31 * fewest)


def _tile_triples(shape: Shape, band: Band) -> int:
    tiles = -(-shape.columns.out_size // 2)
    whole, rest = divmod(shape.rows.out_size, band.at_once)
    return whole * -(-band.at_once * tiles // 3) - (-rest * tiles // 3)


def row_stream(form: Form, channels: int) -> Constant:
    """Weights for winograd_row_block.h: per pair of filters biases, constants, 4 runs."""
    rows = form.weights.reshape(-1, 3, 3, channels)
    made = np.einsum("pj,fijc->fpic", TWICE_G, rows)[:, RUNS]
    return runs_stream(form, made.reshape(len(made), 4, 3 * channels), 2)


EXTENTS = {"tml_dsp_winograd_row_params": banded("out_columns", "out_channels")}

# Not in streams: they are there for want of RAM, and this trades RAM and much flash for time.
VARIANTS = (Variant("dsp/winograd_row", "CONV_2D", "s8", "dsp", winograd_row, is_streamable=False),)
