"""Random layers with weights: shapes, strides, paddings, dilations, scales, activations.

Also what kernels must not get wrong: weights of -128, channels that never change, factors far from
what is usual, zero points at the ends.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.support.models.random_parts import (
    IN_SCALE,
    RANGES,
    Rng,
    activations,
    one_op,
    output,
    wide_values,
)
from tinyml.ir.dtype import INT8, INT32, INT64, DType
from tinyml.ir.graph import Array, Graph, Quant, Tensor
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.depthwise_conv_2d import DepthwiseConv2dAttrs
from tinyml.ops.fully_connected import FullyConnectedAttrs
from tinyml.ops.transpose_conv import TransposeConvAttrs
from tinyml.variants import Variant

_WIDE_SCALE = 0.0002  # of int16 inputs


def fully_connected(rng: Rng, variant: Variant) -> Graph:
    """A FULLY_CONNECTED of one or more rows."""
    rows, features, outputs = rng.integers(1, 8), rng.integers(1, 150), rng.integers(1, 30)
    if variant.name.endswith("one_input"):
        rows, features = rng.integers(64, 90), 1
    weights = _weights(rng, (int(outputs), int(features)))
    attrs = FullyConnectedAttrs(str(rng.choice(RANGES)))
    return _weighted(rng, variant, attrs, (int(rows), int(features)), weights)


def convolution(rng: Rng, variant: Variant) -> Graph:
    """A CONV_2D of the kind that the variant is for."""
    covers = variant.name in ("dsp/single_pixel", "dsp/few_channels")
    is_tiled = "winograd" in variant.name
    height, width = (int(size) for size in rng.integers(1, 14, 2))
    channels = int(rng.choice((1, 2, 3, 4, 5, 8, 16, 17)))
    filters = int(rng.choice((1, 2, 3, 4, 7, 8, 16)))
    kernel = (height, width) if covers else tuple(int(k) for k in rng.choice((1, 1, 2, 3, 5), 2))
    strides = tuple(int(s) for s in rng.choice((1, 1, 2, 3), 2))
    dilations = (1, 1) if covers else tuple(int(d) for d in rng.choice((1, 1, 1, 2, 3), 2))
    if variant.name.endswith("one_channel"):
        height, width, channels = 8 + height, 8 + width, 1
        kernel, strides = (1, 1), (1, 1)
    if is_tiled:
        channels, filters = 4 * channels, 2 * filters
        kernel, strides, dilations = (3, 3), (1, 1), (1, 1)
    if variant.name == "dsp/winograd_3x3":
        height, width = 2 + 2 * (height // 2), 2 + 2 * (width // 2)
    padding = "VALID" if covers else str(rng.choice(("SAME", "VALID")))
    activation = str(rng.choice(RANGES))
    attrs = Conv2dAttrs(padding, strides[0], strides[1], dilations[0], dilations[1], activation)
    weights = _weights(rng, (filters, *kernel, channels))
    batches = int(rng.choice((1, 1, 2)))
    return _weighted(rng, variant, attrs, (batches, height, width, channels), weights)


def transposed(rng: Rng, variant: Variant) -> Graph:
    """A TRANSPOSE_CONV; its output is as large as a convolution back to the input allows."""
    batches = int(rng.choice((1, 1, 2)))
    sizes, kernel = rng.integers(1, 9, 2), rng.choice((1, 2, 3, 3, 4, 5), 2)
    strides = rng.choice((1, 2, 2, 2, 3), 2)
    channels, filters = int(rng.choice((1, 2, 3, 4, 8, 9))), int(rng.choice((1, 2, 3, 4, 7, 8)))
    padding = str(rng.choice(("SAME", "VALID")))
    made = sizes * strides if padding == "SAME" else (sizes - 1) * strides + kernel
    made = np.maximum(made - rng.integers(0, strides), 1)
    attrs = TransposeConvAttrs(padding, int(strides[0]), int(strides[1]), str(rng.choice(RANGES)))
    weights = _weights(rng, (filters, int(kernel[0]), int(kernel[1]), channels))
    given = (batches, int(sizes[0]), int(sizes[1]), channels)
    graph = _weighted(rng, variant, attrs, given, weights)
    shape = np.array((batches, *made, filters), np.int32)
    shape.flags.writeable = False
    (op,) = graph.ops
    held = Tensor("shape", INT32, (4,), None, shape)
    operands = (held, graph.tensors[1], graph.tensors[0], *graph.tensors[2:-1])
    return one_op(variant.kind, op.attrs, operands, graph.tensors[-1], (2,))


def depthwise(rng: Rng, variant: Variant) -> Graph:
    """A DEPTHWISE_CONV_2D of the kind that the variant is for."""
    height, width = (int(size) for size in rng.integers(1, 22, 2))
    channels = int(rng.choice((1, 2, 3, 4, 5, 8, 9)))
    multiplier = int(rng.choice((1, 1, 1, 2, 3)))
    kernel = tuple(int(k) for k in rng.choice((1, 2, 3, 3, 4, 5, 7, 9), 2))
    strides = tuple(int(s) for s in rng.choice((1, 1, 2, 3), 2))
    dilations = tuple(int(d) for d in rng.choice((1, 1, 1, 2, 3), 2))
    if variant.name in ("dsp/depthwise_3x3", "dsp/depthwise_small"):
        kernel, dilations, strides = (3, 3), (1, 1), (min(2, strides[0]),) * 2
    if variant.name == "dsp/one_channel_s16":
        channels, multiplier = 1, multiplier * int(rng.choice((1, 3, 4)))
    if variant.name == "dsp/depthwise_small":
        height, width, multiplier = 1 + height % 8, 1 + width % 8, 1
    if variant.name in ("dsp/depthwise_column", "dsp/depthwise_line"):
        kernel, channels, multiplier = (1, max(kernel)), channels + 3, 1
        if variant.name == "dsp/depthwise_line":
            strides, dilations = (1, 1), (1, 1)
        kernel = kernel[:: int(rng.choice((1, -1)))]
    attrs = DepthwiseConv2dAttrs(
        padding=str(rng.choice(("SAME", "VALID"))),
        stride_h=strides[0],
        stride_w=strides[1],
        depth_multiplier=multiplier,
        dilation_h=dilations[0],
        dilation_w=dilations[1],
        activation=str(rng.choice(RANGES)),
    )
    given = (int(rng.choice((1, 1, 2))), height, width, channels)
    weights = _weights(rng, (1, *kernel, channels * multiplier))
    return _weighted(rng, variant, attrs, given, weights, axis=3)


def _weights(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Weights of the usual range, now and then with -128, or so large that sums get wide."""
    least = -128 if rng.random() < 0.2 else -127
    weights = rng.integers(least, 128, shape).astype(np.int8)
    if rng.random() < 0.1:
        weights[:] = np.where(weights < 0, least, 127)
    return weights


def _weighted(
    rng: Rng,
    variant: Variant,
    attrs: Any,
    given: tuple[int, ...],
    weights: Array,
    axis: int = 0,
) -> Graph:
    """The layer; outputs use their range, clamp, or hardly move; rarely factors of 1 and more."""
    channels = weights.shape[axis]
    if rng.random() < 0.1:
        np.moveaxis(weights, axis, 0)[int(rng.integers(channels))] = rng.choice((0, -128))
    depth = weights.size // channels
    scales = rng.uniform(0.002, 0.02, channels if rng.random() < 0.7 else 1).astype(np.float32)
    step = float(rng.choice((1.0, 1.0, 1.0, 0.1, 30.0, 1e-4, 1e4)))
    per = (0,) * len(scales)
    quant = Quant(tuple(scales.tolist()), per, axis)
    weights.flags.writeable = False
    operand = Tensor("w", INT8, weights.shape, quant, weights)
    if variant.form == "s16":
        made = wide_values("y", (), 1.4 * _WIDE_SCALE * depth**0.5 * step)
        operands = (
            wide_values("x", given, _WIDE_SCALE),
            operand,
            *_wide_bias(rng, scales, channels),
        )
        return one_op(variant.kind, attrs, operands, made)
    values: Array = rng.integers(-9000, 9000, (channels,), np.int32)
    if rng.random() < 0.1:
        values[::2] = 1 << 30  # a channel that always gives the same
    bias = _constant(values, INT32, IN_SCALE, scales)
    made = output(rng, 0.02 * 0.01 * 60.0 * depth**0.5 * step, attrs.activation)
    return one_op(variant.kind, attrs, (activations("x", given, rng), operand, bias), made)


def _wide_bias(rng: Rng, scales: Array, channels: int) -> tuple[Tensor, ...]:
    """Of sums of 64 bits, or of 32, or none; now and then what makes sums large."""
    kind = rng.random()
    if kind < 0.15:
        return ()
    dtype = INT64 if kind < 0.75 else INT32
    values: Array = rng.integers(-(1 << 24), 1 << 24, (channels,)).astype(dtype.numpy)
    if rng.random() < 0.2:
        values[::2] = -(1 << 29) if dtype == INT32 else rng.choice((-(1 << 33), 1 << 31, 1 << 40))
    return (_constant(values, dtype, _WIDE_SCALE, scales),)


def _constant(values: Array, dtype: DType, scale: float, scales: Array) -> Tensor:
    """A bias for inputs and weights of these scales."""
    values.flags.writeable = False
    quant = Quant(tuple((np.float32(scale) * scales).tolist()), (0,) * len(scales))
    return Tensor("b", dtype, values.shape, quant, values)
