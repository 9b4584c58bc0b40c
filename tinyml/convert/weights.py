"""Constants of a quantised layer: weights per channel or tensor, and the bias beside them."""

from __future__ import annotations

import numpy as np

from tinyml.convert.ranges import quantize
from tinyml.ir.dtype import dtype_of
from tinyml.ir.graph import Array, Quant, Tensor

_MOST = 127  # -128 is left out: kernels may then multiply in pairs
_BIAS_LIMIT = 1 << 28  # leaves room for the sum of products in 32 bits
_SMALLEST_SHARE = 2.0**-24  # of the largest channel's scale; below, a channel is as good as zero


def weight_quant(tensor: Tensor, axis: int, *, per_channel: bool) -> Quant:
    """Symmetric scales for weights.

    Scales that the model was trained with (fake quantisation) are kept.
    """
    data = tensor.data
    assert data is not None
    if tensor.quant is not None and not any(tensor.quant.zero_points):
        return tensor.quant
    other = tuple(i for i in range(data.ndim) if i != axis)
    peaks = np.abs(data).max(axis=other) if per_channel else np.abs(data).max(keepdims=True)
    scales = peaks.reshape(-1).astype(np.float64) / _MOST
    least = float(scales.max()) * _SMALLEST_SHARE
    scales = np.maximum(scales, least if least > 0 else 1.0).astype(np.float32)
    return Quant(tuple(map(float, scales)), (0,) * len(scales), axis if len(scales) > 1 else 0)


def fitted_to_bias(quant: Quant, bias: Array, input_scale: float) -> Quant:
    """Scales at which the bias fits into 32 bits.

    A channel whose weights have all but vanished keeps its bias; its scale grows until it can.
    """
    peaks = np.abs(bias.astype(np.float64))
    if not quant.is_per_channel:
        peaks = peaks.max(keepdims=True)
    needed = peaks / (_BIAS_LIMIT * input_scale)
    scales = np.maximum(np.array(quant.scales), needed).astype(np.float32)
    return Quant(tuple(map(float, scales)), quant.zero_points, quant.axis)


def quantised_weights(tensor: Tensor, quant: Quant) -> Tensor:
    """The weights as int8, within -127..127."""
    assert tensor.data is not None
    data = np.maximum(quantize(tensor.data, quant), -_MOST)
    return constant(tensor.name, data.astype(np.int8), quant)


def quantised_bias(name: str, bias: Array, scales: tuple[float, ...], bits: int) -> Tensor:
    """The bias at the scale of the products: int32, or int64 beside 16-bit values."""
    # The kernels multiply in float32.
    data = np.rint(bias.astype(np.float64).reshape(-1) / np.array(scales, np.float64))
    dtype = np.int32 if bits == 8 else np.int64
    zero_points = (0,) * len(scales)
    return constant(name, data.astype(dtype), Quant(scales, zero_points))


def product_scales(input_scale: float, quant: Quant) -> tuple[float, ...]:
    """Input scale times each weight scale, as float32."""
    products = np.float32(input_scale) * np.array(quant.scales, np.float32)
    return tuple(map(float, products))


def constant(name: str, data: Array, quant: Quant | None) -> Tensor:
    """A read-only constant tensor."""
    held = np.array(data)
    held.flags.writeable = False
    return Tensor(name, dtype_of(held.dtype), held.shape, quant, held)


def corrected_bias(bias: Array, exact: Array, rounded: Array, means: Array, axis: int) -> Array:
    """The bias less the average of what rounding the weights adds to the layer's sums.

    ``means`` has the average of each input channel. Borders are taken for pixels like any other.
    Source: Nagel et al., 2019, with measured averages.
    """
    error = rounded.astype(np.float64) - exact
    outputs = exact.shape[axis]
    if axis == 0:  # [output, ..., input channel]: groups repeat along the outputs
        taps = error.reshape(outputs, -1, exact.shape[-1]).sum(axis=1)
        groups = len(means) // exact.shape[-1]
        fed = means.reshape(groups, -1).repeat(outputs // groups, axis=0)
        shift = np.sum(taps * fed, axis=1)
    else:  # depthwise, [1, y, x, output]
        taps = error.reshape(-1, outputs).sum(axis=0)
        shift = taps * means.repeat(outputs // len(means))
    corrected: Array = bias - shift
    return corrected
