"""Exact Winograd F(2x2, 3x3) for cores with DSP instructions: less than half the products.

It pays with flash, 32 bytes per weight instead of 9 (each 3x3 filter plane becomes 16 elements of
16 bits); the planner sees both. Nothing is rounded: with twice the usual filter transform, all
intermediates are integers, and the block delivers four times the sum (winograd_block.h).
"""

from __future__ import annotations

import numpy as np

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Constant, KernelCall, Value
from tinyml.ir.requant import Linear, solve_linear, solve_rounding
from tinyml.ops.extents import banded
from tinyml.ops.weighted import WeightedSum
from tinyml.variants import Variant
from tinyml.variants.dsp_conv_2d import Band, Shape, band_cost, band_overlap, shape_of
from tinyml.variants.dsp_gemm import MatrixKernel, matrix_call, why_not_dense
from tinyml.variants.dsp_streams import LINEAR, ROUNDING, Form, IntArray, rescaling_of, unrolled
from tinyml.variants.needs import Needs

RUNS = (1, 2, 0, 3)  # order of the elements in each direction
TWICE_G = np.array(((2, 0, 0), (1, 1, 1), (1, -1, 1), (0, 0, -2)), np.int64)
_SUM_LIMIT = 1 << 29  # four times a sum must fit 32 bits
_SHIFTS = (6, 5, 7, 4)  # those that have a block
_BLOCK = {LINEAR: 406, ROUNDING: 490}  # instructions per pair of filters besides its runs


def winograd(op: Op, graph: Graph, layer: WeightedSum) -> KernelCall | str:
    """A dense 3x3 convolution with stride 1 of even size."""
    shape = tiled_shape(op, graph)
    if isinstance(shape, str):
        return shape
    if shape.rows.out_size % 2 or shape.columns.out_size % 2:
        return "the output has an odd number of rows or columns"
    form = layer.once(choose_form, 2, _SHIFTS)
    return form if isinstance(form, str) else _call(shape, layer, form)


def tiled_shape(op: Op, graph: Graph) -> Shape | str:
    """The shape of a layer that tiles of outputs may serve, or why they may not."""
    reason = why_not_dense(op, graph)
    if reason is not None:
        return reason
    shape = shape_of(op, graph)
    for axis in (shape.rows, shape.columns):
        if (axis.kernel, axis.stride, axis.dilation) != (3, 1, 1):
            return "the filter is not 3x3 with stride and dilation 1"
    if shape.channels % 4 or shape.filters % 2:
        return "channels are no multiple of 4, or filters are odd in number"
    return shape


def choose_form(layer: WeightedSum, bits: int, shifts: tuple[int, ...]) -> Form | str:
    """How sums that come ``bits`` further left are rescaled by a block of one of the shifts."""
    rescaling, bias = rescaling_of(layer), layer.folded_bias()
    linear = solve_linear(rescaling, bits, shifts)
    if isinstance(linear, Linear):
        constants = np.stack((linear.multiplier, linear.offset), axis=1)
        return Form(LINEAR, linear.shift, layer.weights, bias + linear.delta, constants)
    rounding = solve_rounding(rescaling)  # proves that twice a sum fits 32 bits
    if isinstance(rounding, str):
        return rounding
    if bits > 1 and np.any(~rescaling.is_dead() & (rescaling.reach() >= _SUM_LIMIT)):
        return "four times a sum does not fit 32 bits"
    constants = np.stack((rounding.multiplier, rounding.offset, rounding.shift), axis=1)
    return Form(ROUNDING, 0, layer.weights, bias, constants)


def _call(shape: Shape, layer: WeightedSum, form: Form) -> KernelCall:
    rows, columns, channels = shape.rows, shape.columns, shape.channels
    band = choose_tile_band(shape)
    loops, entry = unrolled(channels // 4, 4, 64)
    weights = winograd_stream(form, channels)
    fields: tuple[tuple[str, Value], ...] = (
        ("batches", shape.batches),
        ("band", band.struct(rows, columns, channels, layer.input_zero_point)),
        ("band_offset", 96 * channels),
        ("out_columns", columns.out_size),
        ("in_channels", channels),
        ("out_channels", shape.filters),
        ("form", form.kind),
        ("shift", form.shift),
        ("loops", loops),
        ("entry", entry),
        ("weight_words", weights.data.size),
    )
    block = _BLOCK[form.kind] + 16 * (16 * (channels // 4) + 2 * loops)
    per_three = 180 + 627 * (channels // 4) + shape.filters // 2 * block
    work = _tile_triples(shape, band) * per_three + band_cost(band, rows, columns, channels)
    return matrix_call(
        MatrixKernel("winograd_3x3", "winograd"),
        fields,
        weights,
        form,
        Needs(96 * channels + band.nbytes, band_overlap(shape, band), 60 + shape.batches * work),
    )


def choose_tile_band(shape: Shape) -> Band:
    """The lowest band of tiles that wastes little; also where there is no padding."""
    pitch = -(-(shape.columns.out_size + 2) * shape.channels // 4) * 4
    bands = [Band(n, n + 2, n, pitch) for n in (2, 4, 6) if n <= shape.rows.out_size]
    fewest = min(_tile_triples(shape, band) for band in bands)
    return next(band for band in bands if 30 * _tile_triples(shape, band) <= 31 * fewest)


def _tile_triples(shape: Shape, band: Band) -> int:
    columns = shape.columns.out_size // 2
    whole, rest = divmod(shape.rows.out_size, band.at_once)
    return whole * -(-band.at_once // 2 * columns // 3) - (-(rest // 2) * columns // 3)


def winograd_stream(form: Form, channels: int) -> Constant:
    """Weights for winograd_block.h: per pair of filters biases, constants, 16 runs."""
    planes = form.weights.reshape(-1, 3, 3, channels)
    made = np.einsum("qi,pj,fijc->fqpc", TWICE_G, TWICE_G, planes)[:, RUNS][:, :, RUNS]
    return runs_stream(form, made.reshape(len(made), 16, channels), 4)


def runs_stream(form: Form, runs: IntArray, factor: int) -> Constant:
    """The weights of a block that sums in runs [filters, number of runs, products].

    ``factor``: how many times the sum it delivers.
    """
    pairs, count = len(runs) // 2, runs.shape[1]
    # Channels as SXTB16 widens them: (0, 2), (1, 3).
    swapped = runs.reshape(*runs.shape[:2], -1, 4)[..., (0, 2, 1, 3)].reshape(runs.shape)
    words: IntArray = swapped[..., 0::2] & 0xFFFF | swapped[..., 1::2] << 16
    words = words.reshape(pairs, 2, count, -1).transpose(0, 2, 3, 1).reshape(pairs, -1)
    constants = np.zeros((len(runs), 3), np.int64)
    constants[:, : form.constants.shape[1]] = form.constants
    parts = (factor * form.bias.reshape(pairs, 2), constants.reshape(pairs, 6), words)
    stream = np.concatenate(parts, axis=1).reshape(-1)
    return Constant(
        "weights",
        stream.astype(np.uint64).astype(np.uint32).view(np.int32),
        f"per two filters: {factor} * biases, rescaling, {count} runs of transformed filters",
    )


EXTENTS = {"tml_dsp_winograd_3x3_params": banded("out_columns", "out_channels")}

VARIANTS = (Variant("dsp/winograd_3x3", "CONV_2D", "s8", "dsp", winograd),)
