"""Scratch that CMSIS-NN's kernels ask for, for the three code paths of the library.

``isa`` is "mve" (Helium), "dsp" (Armv7E-M, Armv8-M with DSP) or "" (plain C), as the compiler
chooses it. For gcc and clang; with Arm's own compiler 1x1 convolutions ask for more.
Source: arm_nnfunctions.h, the buffer-size functions.
"""

from __future__ import annotations

from tinyml.ir.dtype import INT8, INT16
from tinyml.tflm.layer import Layer, Window

_DEPTHWISE_BLOCK = 124  # channels at once, Helium
_FEW_OUTPUTS = (
    8  # a depthwise with one input channel and more outputs runs as a convolution (Helium)
)
_REVERSE_ABOVE = 16  # input channels: transposed convolutions that run as ordinary ones


def convolution(layer: Layer, isa: str) -> int:
    """Bytes for CONV_2D."""
    weights, channels = layer.input(1), layer.data_input.shape[3]
    window = layer.window(weights.shape[1], weights.shape[2])
    length = channels * window.kernel_h * window.kernel_w
    if layer.data_input.dtype == INT16:
        return 4 * _up(length, 8) * 2 if isa == "mve" else 2 * length * 2
    is_grouped = weights.shape[3] != channels
    if _is_pointwise(window) and not is_grouped:
        return 0
    is_row = layer.data_input.shape[1] == 1 and window.kernel_h == 1 and window.dilation_w == 1
    if isa == "mve":
        if is_row and not is_grouped and window.stride_w * channels % 4 == 0:
            return _row(layer, window, channels)
        return 4 * _up(length, 16)
    return 2 * _up(length, 4) * 2


def depthwise(layer: Layer, isa: str) -> int:
    """Bytes for DEPTHWISE_CONV_2D."""
    weights, data = layer.input(1), layer.data_input
    if data.dtype != INT8:
        return 0
    window = layer.window(weights.shape[1], weights.shape[2])
    area, channels = window.kernel_h * window.kernel_w, data.shape[3]
    outputs = layer.output.shape[3]
    if isa == "mve" and channels == 1 and outputs > _FEW_OUTPUTS:
        is_plain = _is_pointwise(window)
        return (0 if is_plain else 4 * _up(area, 16)) + area * outputs
    is_dilated = window.dilation_h != 1 or window.dilation_w != 1
    if channels != outputs or data.shape[0] != 1 or is_dilated:
        return 0
    if isa == "mve":
        return 4 * _DEPTHWISE_BLOCK * area
    is_3x3 = window.kernel_h == window.kernel_w == 3
    if is_3x3 and window.pad_h <= 1 and window.pad_w <= 1:
        return 0
    return channels * area * 2 if isa == "dsp" else 0


def transpose_convolution(layer: Layer, isa: str) -> list[int]:
    """Bytes of the two buffers of an int8 TRANSPOSE_CONV."""
    weights, data = layer.input(1), layer.data_input
    outputs, kernel_h, kernel_w, channels = weights.shape
    stride_h, stride_w = layer.number("StrideH", 1), layer.number("StrideW", 1)
    if stride_h <= 2 and stride_w <= 2 and channels > _REVERSE_ABOVE:
        length = channels * kernel_h * kernel_w
        buffer = 4 * _up(length, 16) if isa == "mve" else 2 * _up(length, 4) * 2
        return [buffer, length * outputs]
    width = ((data.shape[2] - 1) * stride_w + max(kernel_w, stride_h)) * layer.output.shape[3]
    return [width * max(kernel_h, stride_h) * 4, 0]


def average_pool(layer: Layer, isa: str) -> int:
    """Bytes for AVERAGE_POOL_2D."""
    return layer.data_input.shape[3] * 4 if isa == "dsp" else 0


def kernel_sums(outputs: int, isa: str) -> int:
    """Bytes for the sums of weights per output: FULLY_CONNECTED, SVDF, BATCH_MATMUL."""
    return outputs * 4 if isa == "mve" else 0


def _is_pointwise(window: Window) -> bool:
    return (
        window.kernel_h == window.kernel_w == window.dilation_h == window.dilation_w == 1
        and window.pad_h == window.pad_w == 0
    )


def _row(layer: Layer, window: Window, channels: int) -> int:
    """A convolution along one row, Helium: room for the longer of the two padded ends."""
    width, outputs = layer.data_input.shape[2], layer.output.shape[2]
    total = (outputs - 1) * window.stride_w + window.kernel_w - width
    odd = int(total - 2 * int(total / 2))  # C's remainder
    right, left = 0, 0
    if window.pad_w + odd != 0:
        right = max(1, int((window.pad_w + odd + window.stride_w - 1) / window.stride_w))
    if window.pad_w != 0:
        left = max(1, (window.pad_w + window.stride_w - 1) // window.stride_w)
    if right + left + max(outputs - right - left, 0) != outputs:
        return 4 * _up(channels * window.kernel_w * window.kernel_h, 16)
    pad_left = window.pad_w * channels
    pad_right = right * channels if odd else pad_left
    full = window.kernel_w * channels
    return max(full + pad_left, full - channels + pad_right)


def _up(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple
