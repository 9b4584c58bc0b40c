"""Layers of int16 values and int8 weights for cores with Helium (MVE), eight products at a time.

Sums have 32 bits, which is proved for the layer; outputs are made of them as ``SHIFTED`` of
dsp_s16.py says, by VMULH and VRSHL.
"""

from __future__ import annotations

import numpy as np

from tinyml.ir.dtype import INT8, INT64
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import (
    Arg,
    Constant,
    Cost,
    KernelCall,
    Struct,
    Value,
    row_overlap,
    scaled_overlap,
)
from tinyml.ir.shapes import Window
from tinyml.ops.common import clamp_struct, result
from tinyml.ops.extents import Extent, Fields, images, of_width, rows
from tinyml.ops.weighted import INPUT, WEIGHTS, WeightedSum
from tinyml.ops.windows import (
    filter_windows,
    image_overlap,
    paired_windows_overlap,
    window_struct,
)
from tinyml.variants import Variant
from tinyml.variants.dsp_s16 import IntArray, pad_rows, shifted_constants, sums_fit
from tinyml.variants.mve_rescale import rescale_struct
from tinyml.variants.needs import Needs

_BYTES = 2  # of a value
_LANES = 8  # values of a vector


def convolution(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A CONV_2D whose filters see all channels."""
    given, weights = graph.tensors[op.inputs[INPUT]], graph.tensors[op.inputs[WEIGHTS]]
    if weights.shape[3] != given.shape[3]:
        return "the convolution is grouped"
    scales = numbers.once(_scales)
    if isinstance(scales, str):
        return scales
    axes = filter_windows(op, graph)
    return _windows(numbers, scales, axes, (given.shape[0], result(op, graph).shape))


def matrix_product(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """FULLY_CONNECTED of any number of rows: several are pixels of an image."""
    scales = numbers.once(_scales)
    if isinstance(scales, str):
        return scales
    outputs = len(numbers.weights)
    count = result(op, graph).elements // outputs
    if count == 1:
        return _row(numbers, scales)
    axes = Window(1, 1, 1, 1, 0, 1), Window(count, 1, 1, 1, 0, count)
    return _windows(numbers, scales, axes, (1, (1, 1, count, outputs)))


def depthwise(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall | str:
    """A DEPTHWISE_CONV_2D with one filter per channel."""
    if op.attrs.depth_multiplier != 1:
        return "channels have several filters"
    scales = numbers.once(_scales)
    if isinstance(scales, str):
        return scales
    given, made = graph.tensors[op.inputs[INPUT]].shape, result(op, graph).shape
    height, width = filter_windows(op, graph)
    channels = given[3]
    fours = -(-channels // 4)
    weights = pad_rows(numbers.weights, 4).T.astype(np.int8)
    per_pixel = 40 + fours * (20 + height.kernel * (5 + 6 * width.kernel))
    return _call(
        "depthwise_conv_2d",
        Struct(
            "tml_mve_depthwise_s16_params",
            (
                ("batches", given[0]),
                ("height", window_struct(height)),
                ("width", window_struct(width)),
                ("channels", channels),
                ("clamp", clamp_struct(numbers.bounds)),
            ),
        ),
        (Constant("weights", weights.reshape(-1), "taps, channels filled up to fours"), scales),
        Needs(
            0,
            scaled_overlap(image_overlap(height, width, given, made), _BYTES),
            40 + given[0] * made[1] * made[2] * per_pixel,
        ),
    )


def _scales(numbers: WeightedSum) -> Constant | str:
    """Bias, M and -n of every four channels, or why the kernels would not be exact."""
    if numbers.sum_dtype != INT64:
        return "sums of 32 bits, which are rounded twice"
    if not sums_fit(numbers):
        return "sums need 64 bits"
    found = shifted_constants(numbers)
    if found is None:
        return "a factor is a quarter or more"
    columns = (numbers.bias, found[0], -found[1])
    fours = [pad_rows(column[:, None], 4).reshape(-1, 4) for column in columns]
    data = np.stack(fours, axis=1).reshape(-1).astype(np.int32)
    return Constant("scales", data, "per four channels: bias, multiplier, shift")


def _blocks(numbers: WeightedSum) -> int:
    return int(-(-numbers.weights.shape[1] // _LANES))


def _windows(
    numbers: WeightedSum,
    scales: Constant,
    axes: tuple[Window, Window],
    sizes: tuple[int, tuple[int, ...]],
) -> KernelCall:
    """``sizes``: batches, and the shape of the output."""
    (rows, columns), (batches, made) = axes, sizes
    filters, taps = numbers.weights.shape
    channels, blocks = taps // (rows.kernel * columns.kernel), _blocks(numbers)
    gemm = (
        ("blocks", blocks),
        ("out_channels", filters),
        ("rescale", rescale_struct(0, numbers.bounds)),
    )
    fields: tuple[tuple[str, Value], ...] = (
        ("batches", batches),
        ("height", window_struct(rows)),
        ("width", window_struct(columns)),
        ("in_channels", _BYTES * channels),
        ("padding_value", 0),
        ("gemm", Struct("tml_mve_gemm_params", gemm)),
    )
    is_dense = columns.dilation == 1
    runs, length = (1, columns.kernel * channels) if is_dense else (columns.kernel, channels)
    per_window = 25 + rows.kernel * (5 + runs * (3 + 3 * -(-length // _LANES)))
    per_pair = 20 + 2 * per_window - (-filters // 4) * (32 + 16 * blocks)
    given = (batches, rows.in_size, columns.in_size, channels)
    return _call(
        "conv_2d",
        Struct(
            "tml_mve_conv_2d_s16_params", (("of_bytes", Struct("tml_mve_conv_2d_params", fields)),)
        ),
        (_packed(numbers.weights), scales),
        Needs(
            4 * _LANES * blocks,  # two windows
            scaled_overlap(paired_windows_overlap(rows, columns, given, made), _BYTES),
            40 + batches * -(-rows.out_size * columns.out_size // 2) * per_pair,
        ),
    )


def _row(numbers: WeightedSum, scales: Constant) -> KernelCall:
    outputs, features = numbers.weights.shape
    blocks = _blocks(numbers)
    given, made = _BYTES * features, _BYTES * outputs
    return _call(
        "fully_connected",
        Struct(
            "tml_mve_fully_connected_s16_params",
            (
                ("in_features", features),
                ("blocks", blocks),
                ("out_channels", outputs),
                ("clamp", clamp_struct(numbers.bounds)),
            ),
        ),
        (_packed(numbers.weights), scales),
        Needs(
            2 * _LANES * blocks,
            row_overlap(INPUT, ((0, given), (made, given))),
            30 + 3 * blocks - (-outputs // 4) * (22 + 10 * blocks),
        ),
    )


def _packed(weights: IntArray) -> Constant:
    """Four filters side by side, 8 taps of each in turn."""
    filled = pad_rows(weights, 4)
    filled = np.pad(filled, ((0, 0), (0, -filled.shape[1] % _LANES))).astype(np.int8)
    packed = filled.reshape(len(filled) // 4, 4, -1, _LANES).transpose(0, 2, 1, 3)
    return Constant("weights", packed.reshape(-1), "four filters, 8 taps of each in turn")


def _call(name: str, params: Struct, constants: tuple[Constant, ...], needs: Needs) -> KernelCall:
    scratch = (Arg("scratch", dtype=INT8),) if needs.scratch_bytes else ()
    arguments = (Arg("constant", constant=item.name) for item in constants)
    return KernelCall(
        f"tml_mve_{name}_s16",
        f"kernels/mve/{name}_s16.h",
        params,
        (Arg("input", INPUT), *arguments, Arg("output"), *scratch),
        constants,
        scratch_bytes=needs.scratch_bytes,
        overlaps=(needs.overlap,),
        cost=Cost(needs.instructions, code_bytes=500),
        isa="mve",
        pixels_at_once=2,
    )


def _convolved(f: Fields) -> Extent:
    """The input's channels are counted in bytes."""
    inner = f["of_bytes"]
    found = images("in_channels", "gemm.out_channels")(inner)
    return Extent(found.read, (0, _BYTES * found.written[1]), _BYTES * found.written_bytes)


EXTENTS = {
    "tml_mve_conv_2d_s16_params": _convolved,
    "tml_mve_fully_connected_s16_params": of_width(
        rows("", "in_features", "out_channels"), _BYTES, _BYTES
    ),
    "tml_mve_depthwise_s16_params": of_width(images(), _BYTES, _BYTES),
}

VARIANTS = (
    Variant("mve/conv_2d_s16", "CONV_2D", "s16", "mve", convolution),
    Variant("mve/depthwise_s16", "DEPTHWISE_CONV_2D", "s16", "mve", depthwise),
    Variant("mve/fully_connected_s16", "FULLY_CONNECTED", "s16", "mve", matrix_product),
)
