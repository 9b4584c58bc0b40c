"""Scratch memory that ESP-NN's kernels for the ESP32-S3 ask for, known when a model is compiled.

The library only tells when it runs. Source: ``esp_nn_get_conv_scratch_size_esp32s3`` and
``esp_nn_get_depthwise_conv_scratch_size_esp32s3`` of ESP-NN 1.2.3; the firmware checks that the
installed version asks for no more. Depthwise layers that run on no vector kernel are not covered.
"""

from __future__ import annotations

from tinyml.ir.shapes import Window
from tinyml.variants.esp_nn_issues import TILED_BYTES, Layer

MARGIN = 64  # alignment, and what the assembler code reads before and behind
PADDED_BYTES = 40 * 1024  # of a padded image; more is worked through in rows
VECTOR = 16  # bytes


def conv_scratch_bytes(layer: Layer, filters: int) -> int:
    """Of CONV_2D without groups."""
    rows, columns, depth = layer.rows, layer.columns, layer.in_channels
    image = rows.in_size * columns.in_size
    is_padded = bool(rows.pad or columns.pad)
    if layer.taps == 1 and not is_padded and (rows.stride, columns.stride) == (1, 1):
        even = _up(depth, 8)
        turned = 16 * even if image >= 8 else 0
        return (image * even if depth % 8 else 0) + even * filters + turned + MARGIN
    if layer.gathers_windows:
        window = _up(layer.taps * depth, VECTOR)
        return filters * 4 + 16 + filters * window + 16 + window + MARGIN
    around = (rows.in_size + 2 * rows.pad) * (columns.in_size + 2 * columns.pad) * depth
    lower, right = (
        max(0, axis.out_size * axis.stride + axis.kernel - 1 - axis.in_size)
        for axis in (rows, columns)
    )
    behind = (rows.in_size + lower) * (columns.in_size + right) * depth if lower or right else 0
    aligned = layer.taps * _up(depth, VECTOR) * filters
    by_row = _up(columns.kernel * depth, VECTOR) * rows.kernel * filters
    return (around if is_padded else 0) + aligned + by_row + behind + MARGIN + filters * 4


def depthwise_scratch_bytes(layer: Layer) -> int:
    """Of DEPTHWISE_CONV_2D: one filter each for more than 3 channels, or filters by fours."""
    rows, columns, channels = layer.rows, layer.columns, layer.in_channels
    image = rows.in_size * columns.in_size * channels
    filters = layer.taps * channels * layer.multiplier
    if layer.multiplier > 1:
        return 2 * (filters + image) + 32
    if channels % 8:
        return _evened(layer)
    if (rows.kernel, columns.kernel) != (3, 3):
        if 2 * (filters + image) <= TILED_BYTES:
            return 2 * (filters + image) + 32
        return 2 * filters + 2 * columns.in_size * rows.kernel * channels + 32
    if channels % VECTOR == 0:
        return _three_by_three(layer)
    if channels < 12:
        return 2 * (filters + image) + 32
    wide = _up(channels, VECTOR)
    lower, right = (2 * a.pad + max(0, _reach(a)) for a in (rows, columns))
    padded = (columns.in_size + right) * (rows.in_size + lower) * wide
    return 9 * wide + padded + rows.out_size * columns.out_size * wide + 64


def _three_by_three(layer: Layer) -> int:
    """3x3 on multiples of 16 channels: the filter, and the padded image or three rows of it."""
    rows, columns, channels = layer.rows, layer.columns, layer.in_channels
    if rows.pad or columns.pad:
        lower, right = 2 * rows.pad, 2 * columns.pad
    else:
        lower, right = _reach(rows), _reach(columns)
    filters = 9 * channels
    if not (lower or right):
        return filters + 16
    width = columns.in_size + right
    padded = width * (rows.in_size + lower) * channels
    return filters + (padded if padded <= PADDED_BYTES else width * 3 * channels) + 16


def _evened(layer: Layer) -> int:
    """Channels filled up to a multiple of 8: filter, image and output in turn, each aligned."""
    even = _up(layer.in_channels, 8)
    nbytes = layer.taps * even * 2
    nbytes = _up(nbytes, 16) + layer.rows.in_size * layer.columns.in_size * even * 2
    nbytes = _up(nbytes, 16) + layer.rows.out_size * layer.columns.out_size * even
    return _up(nbytes, 16) + 3 * 4 * even + 16


def _reach(axis: Window) -> int:
    """Inputs behind the image that a kernel reads which computes whole strides, 3 taps."""
    return axis.out_size * axis.stride + 2 - axis.in_size


def _up(value: int, step: int) -> int:
    return -(-value // step) * step
