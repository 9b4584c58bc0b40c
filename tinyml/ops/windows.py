"""Windows over images: what convolutions and pools share in references and lowerings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Overlap, Struct, overlap_of
from tinyml.ir.progress import Counts, Progress, affine_runs
from tinyml.ir.shapes import Window, padded_window, window
from tinyml.ops.common import operand
from tinyml.ops.forms import as_constraint

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


@as_constraint
def filter_fits(op: Op, graph: Graph) -> None:
    """The filter must have four dimensions and fit into the padded input."""
    filter_windows(op, graph)


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


@dataclass(frozen=True, slots=True)
class _Keeps:
    """The lowest input, in pixels, that is read after each output pixel of an image.

    After pixel (y, x) that is ``starts[y]``, and ``nexts[x]`` more unless the next row of windows
    begins at the same row of the input. So it is affine in both wherever no window is cut off.
    """

    starts: Counts
    nexts: Counts
    advances: Counts  # 1 where ``nexts`` counts
    given: tuple[int, ...]
    made: tuple[int, ...]

    def progress(self, batches: int, ys: range, xs: range, *, ahead: int = 1) -> Iterator[Progress]:
        """At each of these pixels: outputs of ``ahead`` pixels from it on are written."""
        if not (batches and ys and xs):
            return
        (_, in_h, in_w, in_channels), (_, out_h, out_w, out_channels) = self.given, self.made
        rows, columns = self.starts[ys], self.nexts[xs]
        for first_y, end_y in affine_runs(rows, fixed=self.advances[ys]):
            is_moving = int(self.advances[ys][first_y])
            for first_x, end_x in affine_runs(columns * is_moving):
                pixel = ys[first_y] * out_w + xs[first_x] + ahead
                down = int(rows[first_y + 1] - rows[first_y]) if end_y > first_y + 1 else 0
                right = int(columns[first_x + 1] - columns[first_x]) if end_x > first_x + 1 else 0
                steps = (out_h * out_w, ys.step * out_w, xs.step)
                kept = (in_h * in_w, down, right * is_moving)
                yield Progress(
                    (batches, end_y - first_y, end_x - first_x),
                    pixel * out_channels,
                    int(rows[first_y] + columns[first_x] * is_moving) * in_channels,
                    tuple(n * out_channels for n in steps),
                    tuple(n * in_channels for n in kept),
                )


def _keeps(rows: Window, columns: Window, given: tuple[int, ...], made: tuple[int, ...]) -> _Keeps:
    in_h, in_w = given[1:3]
    starts = np.append(_first_needed(rows, np.arange(made[1])), in_h) * in_w
    nexts = _first_needed(columns, np.arange(1, made[2] + 1))
    return _Keeps(starts[:-1], nexts, (np.diff(starts) > 0).astype(np.int64), given, made)


def _first_needed(axis: Window, outs: Counts) -> Counts:
    """``Window.first_needed`` of many outputs."""
    return np.clip(outs * axis.stride - axis.pad, 0, axis.in_size)


def image_overlap(
    rows: Window, columns: Window, given: tuple[int, ...], made: tuple[int, ...]
) -> Overlap:
    """The overlap of a kernel that finishes one output pixel after the other, in memory order.

    While a pixel is written, the lowest input that is still read lies under its own first tap or
    under that of the next row's first pixel: what is needed after the pixel before.
    """
    batches, height, width, channels = made
    keeps = _keeps(rows, columns, given, made)
    last = range(height - 1, height)
    return overlap_of(
        0,
        (
            Progress((), channels, 0),
            *keeps.progress(batches, range(height - 1), range(width), ahead=2),
            *keeps.progress(batches, last, range(width - 1), ahead=2),
            *keeps.progress(batches - 1, last, range(width - 1, width), ahead=2),
        ),
    )


def blocks_overlap(
    pixels: int, at_once: int, channels: int, filters: int, *, is_direct: bool = False
) -> Overlap:
    """The overlap of a pointwise kernel that makes some pixels at a time.

    Their inputs are read completely before anything is written, or, ``is_direct``, until it is.
    """
    whole, rest = divmod(pixels, at_once)
    steps = (at_once * filters,), (at_once * channels,)
    before = at_once if is_direct else 0  # pixels whose inputs are still needed
    found = [] if is_direct else [Progress((), 0, 0)]
    if whole:
        found.append(Progress((whole,), steps[0][0], (at_once - before) * channels, *steps))
    if rest:
        read = pixels - (rest if is_direct else 0)
        found.append(Progress((), pixels * filters, read * channels))
    return overlap_of(0, tuple(found))


def paired_windows_overlap(
    rows: Window, columns: Window, given: tuple[int, ...], made: tuple[int, ...]
) -> Overlap:
    """Two windows are read, then their outputs are written; the image's last may stand alone."""
    batches, height, width, _ = made
    keeps = _keeps(rows, columns, given, made)
    found = [Progress((), 0, 0)]
    for parity in range(2):  # of the row: where it is odd, so is its first pixel if the width is
        seconds = range((1 + parity * width) % 2, width, 2)
        found += keeps.progress(batches, range(parity, height, 2), seconds)
    if height * width % 2:
        last = range(height - 1, height), range(width - 1, width)
        found += keeps.progress(batches, *last)
    return overlap_of(0, tuple(found))
