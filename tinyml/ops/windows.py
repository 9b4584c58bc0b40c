"""Windows over images: what convolutions and pools share in references and lowerings."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyml.errors import ModelError
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Overlap, Struct, row_overlap
from tinyml.ir.shapes import Window, padded_window, window
from tinyml.ops.common import operand

Pads = tuple[int, int, int, int]  # top, bottom, left, right


def image_windows(
    attrs: Any, shape: tuple[int, ...], kernel: tuple[int, int], dilation: tuple[int, int]
) -> tuple[Window, Window]:
    """The windows over rows and columns that the padding and strides in ``attrs`` give.

    ``attrs.pads`` (top, bottom, left, right) stands above ``attrs.padding`` unless it is None.
    """
    strides = (attrs.stride_h, attrs.stride_w)
    if attrs.pads is None:
        rows, columns = (
            window(attrs.padding, shape[1 + axis], kernel[axis], strides[axis], dilation[axis])
            for axis in (0, 1)
        )
    else:
        rows, columns = (
            padded_window(
                shape[1 + axis],
                kernel[axis],
                strides[axis],
                dilation[axis],
                *attrs.pads[2 * axis : 2 * axis + 2],
            )
            for axis in (0, 1)
        )
    return rows, columns


def filter_windows(op: Op, graph: Graph) -> tuple[Window, Window]:
    """The windows of a convolution's filter over rows and columns.

    Raises ModelError when the filter does not fit.
    """
    given, weights = operand(op, graph, 0), operand(op, graph, 1)
    if given is None or weights is None or len(given.shape) != 4 or len(weights.shape) != 4:
        raise ModelError("input and weights must have four dimensions")
    attrs = op.attrs
    _, kernel_h, kernel_w, _ = weights.shape
    return image_windows(
        attrs, given.shape, (kernel_h, kernel_w), (attrs.dilation_h, attrs.dilation_w)
    )


def filter_fits(op: Op, graph: Graph) -> str | None:
    """The filter must have four dimensions and fit into the padded input."""
    try:
        filter_windows(op, graph)
    except ModelError as error:
        return error.message
    return None


def pad_image(values: Array, rows: Window, columns: Window, fill: int) -> Array:
    """An NHWC image with the padding that the windows read around it."""
    around = ((0, 0), (rows.pad, rows.pad_after), (columns.pad, columns.pad_after), (0, 0))
    return np.pad(values, around, constant_values=fill)


def tap_view(padded: Array, rows: Window, columns: Window, k_y: int, k_x: int) -> Array:
    """The padded image's element under one filter tap, for all outputs at once."""
    start_y, start_x = k_y * rows.dilation, k_x * columns.dilation
    stop_y = start_y + (rows.out_size - 1) * rows.stride + 1
    stop_x = start_x + (columns.out_size - 1) * columns.stride + 1
    return padded[:, start_y : stop_y : rows.stride, start_x : stop_x : columns.stride, :]


def is_padded(rows: Window, columns: Window) -> bool:
    """Whether any window hangs over the border."""
    return max(rows.pad, rows.pad_after, columns.pad, columns.pad_after) > 0


def window_struct(axis: Window) -> Struct:
    """A ``tml_window``."""
    return Struct(
        "tml_window",
        (
            ("in", axis.in_size),
            ("out", axis.out_size),
            ("kernel", axis.kernel),
            ("stride", axis.stride),
            ("dilation", axis.dilation),
            ("pad", axis.pad),
            ("pad_after", axis.pad_after),
        ),
    )


def image_overlap(
    rows: Window, columns: Window, given: tuple[int, ...], made: tuple[int, ...]
) -> Overlap:
    """The overlap of a kernel that finishes one output pixel after the other, in memory order.

    Once a pixel is written, the lowest input that is still read lies under the first tap of the
    next pixel of the row, or of the first pixel of the next row.
    """
    batches, in_h, in_w, in_channels = given
    _, out_h, out_w, out_channels = made
    starts = np.array([*(rows.first_needed(y) for y in range(out_h)), in_h]) * in_w
    next_x = np.array([columns.first_needed(x) for x in range(1, out_w + 1)])
    in_row, next_row = starts[:-1, None] + next_x, starts[1:, None]
    in_image = np.minimum(in_row, next_row).reshape(-1)
    images = np.arange(batches).reshape(-1, 1) * (in_h * in_w)
    keep = (images + in_image).reshape(-1) * in_channels
    written = np.arange(1, len(keep) + 1) * out_channels
    return row_overlap(0, tuple(zip(written.tolist(), keep.tolist(), strict=True)))


def pairs_overlap(pixels: int, channels: int, filters: int, *, is_direct: bool = False) -> Overlap:
    """The overlap of a pointwise kernel that makes two pixels at a time.

    Their inputs are read completely before anything is written, or, ``is_direct``, until it is.
    """
    steps: list[tuple[int, int]] = []
    for first in range(0, pixels, 2):
        end = min(first + 2, pixels)
        if not is_direct:
            steps.append((first * filters, end * channels))
        steps.append((end * filters, end * channels))
    return row_overlap(0, tuple(steps))


def paired_windows_overlap(
    rows: Window, columns: Window, given: tuple[int, ...], made: tuple[int, ...]
) -> Overlap:
    """Two windows are read, then their outputs are written; the image's last may stand alone."""
    single = image_overlap(rows, columns, given, made).rows
    pixels = rows.out_size * columns.out_size
    steps: list[tuple[int, int]] = []
    for start in range(0, len(single), pixels):
        for first in range(start, start + pixels, 2):
            written, keep = single[min(first + 1, start + pixels - 1)]
            steps += [(first * made[3], keep), (written, keep)]
    return row_overlap(0, tuple(steps))
