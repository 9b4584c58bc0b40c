"""Scratch that ESP-NN's kernels ask for on the ESP32-S3; on other chips they ask for none.

Of version 1.2.3, which the project's manifest pins: sizes have changed between versions.
Source: esp_nn.h, the ``esp_nn_get_…_scratch_size`` functions.
"""

from __future__ import annotations

from tinyml.tflm.layer import Layer, Window

_WHOLE_BYTES = 40 * 1024  # padded input of a 3x3 depthwise that is kept whole
_WIDE_BYTES = 48 * 1024  # the same as int16


def convolution(layer: Layer) -> int:
    """Bytes for an int8 CONV_2D."""
    _, kernel_h, kernel_w, _ = layer.input(1).shape
    _, height, width, channels = layer.data_input.shape
    outputs = layer.output.shape[3]
    window = layer.window(kernel_h, kernel_w)
    is_padded = window.pad_h > 0 or window.pad_w > 0
    is_strided = window.stride_h != 1 or window.stride_w != 1
    if kernel_h == kernel_w == 1 and not is_padded and not is_strided:
        wide = _up(channels, 8)
        transposed = 2 * 8 * wide if height * width >= 8 else 0
        copied = height * width * wide if channels % 8 else 0
        return copied + wide * outputs + transposed + 64
    row, length = kernel_w * channels, kernel_w * kernel_h * channels
    if row < 16 <= length:
        patch = _up(length, 16)
        return outputs * 4 + 16 + outputs * patch + 16 + patch + 64
    padded = 0
    if is_padded:
        padded = (width + 2 * window.pad_w) * (height + 2 * window.pad_h) * channels
    weights = kernel_w * kernel_h * _up(channels, 16) * outputs
    aligned = _up(row, 16) * kernel_h * outputs
    right, below = _beyond(layer, window)
    right, below = max(0, right), max(0, below)
    border = (width + right) * (height + below) * channels if right or below else 0
    return padded + weights + aligned + border + 64 + outputs * 4


def depthwise(layer: Layer) -> int:
    """Bytes for an int8 DEPTHWISE_CONV_2D."""
    _, kernel_h, kernel_w, _ = layer.input(1).shape
    _, height, width, channels = layer.data_input.shape
    multiplier = layer.number("DepthMultiplier", 1)
    weights = kernel_w * kernel_h * channels * multiplier
    if multiplier == 1 and channels % 8 == 0:
        if kernel_h == kernel_w == 3:
            return _depthwise_3x3(layer, layer.window(3, 3), weights)
        wide = 2 * (weights + width * height * channels)
        if wide <= _WIDE_BYTES:
            return wide + 32
        return 2 * weights + 2 * width * kernel_h * channels + 32
    if multiplier == 1 and channels > 3:
        return _depthwise_padded(layer, kernel_h * kernel_w)
    if multiplier % 4 == 0:
        return 2 * (weights + width * height * channels) + 32
    return 32


def softmax(layer: Layer) -> int:
    """Bytes for an int8 SOFTMAX."""
    shape = layer.data_input.shape
    return 4 * shape[1] if len(shape) > 1 else 4 * shape[0]


def _depthwise_3x3(layer: Layer, window: Window, weights: int) -> int:
    _, height, width, channels = layer.data_input.shape
    right, below = _beyond(layer, window)
    if channels % 16 == 0:
        if window.pad_w or window.pad_h:
            right, below = 2 * window.pad_w, 2 * window.pad_h
        if not right and not below:
            return weights + 16
        whole = (width + right) * (height + below) * channels
        strip = (width + right) * 3 * channels
        return weights + (whole if whole <= _WHOLE_BYTES else strip) + 16
    if channels < 12:
        return 2 * (weights + width * height * channels) + 32
    wide = _up(channels, 16)
    full_w = width + 2 * window.pad_w + max(0, right)
    full_h = height + 2 * window.pad_h + max(0, below)
    output = layer.output.shape[1] * layer.output.shape[2] * wide
    return 9 * wide + full_w * full_h * wide + output + 64


def _depthwise_padded(layer: Layer, area: int) -> int:
    """Channels padded to a multiple of eight: filter, input, output, bias, shift, multiplier."""
    _, height, width, channels = layer.data_input.shape
    wide = _up(channels, 8)
    end = _up(area * wide * 2, 16)
    end = _up(end + height * width * wide * 2, 16)
    end = _up(end + layer.output.shape[1] * layer.output.shape[2] * wide, 16)
    return end + 3 * wide * 4 + 16


def _beyond(layer: Layer, window: Window) -> tuple[int, int]:
    """How far the windows would reach beyond an unpadded input, to the right and below."""
    _, height, width, _ = layer.data_input.shape
    _, out_h, out_w, _ = layer.output.shape
    right = out_w * window.stride_w + window.kernel_w - 1 - width
    return right, out_h * window.stride_h + window.kernel_h - 1 - height


def _up(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple
