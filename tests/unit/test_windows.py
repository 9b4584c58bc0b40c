"""The overlap that window kernels declare, against every single read and write."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tinyml.base.errors import ModelError
from tinyml.ir.kernel import Overlap, row_overlap
from tinyml.ir.progress import progress_of
from tinyml.ir.shapes import Window, window
from tinyml.ops.windows import blocks_overlap, image_overlap, paired_windows_overlap

small = st.integers(1, 4)


cases = given(
    st.sampled_from(["SAME", "VALID"]),
    st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), small),
    st.tuples(small, small),
    st.tuples(small, small),
    st.tuples(st.integers(1, 2), st.integers(1, 2)),
    small,
)


def _axes(
    padding: str,
    shape: tuple[int, int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> tuple[Window, Window]:
    try:
        return (
            window(padding, shape[1], kernel[0], stride[0], dilation[0]),
            window(padding, shape[2], kernel[1], stride[1], dilation[1]),
        )
    except ModelError:
        assume(False)
        raise


def _points(overlap: Overlap) -> list[tuple[int, int]]:
    return sorted(point for item in overlap.progress for point in item.points())


def _reads(rows: Window, columns: Window, shape: tuple[int, int, int, int]) -> list[int]:
    """The lowest byte that each output pixel reads."""
    batches, height, width, channels = shape
    return [
        min(
            (
                ((b * height + y) * width + x) * channels
                for y in _inputs(rows, out_y)
                for x in _inputs(columns, out_x)
            ),
            default=batches * height * width * channels,
        )
        for b in range(batches)
        for out_y in range(rows.out_size)
        for out_x in range(columns.out_size)
    ]


def _kept(rows: Window, columns: Window, shape: tuple[int, int, int, int]) -> list[int]:
    """What is still needed after each pixel, one by one."""
    _, height, width, channels = shape
    starts = [*(rows.first_needed(y) for y in range(rows.out_size)), height]
    return [
        (b * height * width + min(starts[y] * width + next_x, starts[y + 1] * width)) * channels
        for b in range(shape[0])
        for y in range(rows.out_size)
        for next_x in (columns.first_needed(x) for x in range(1, columns.out_size + 1))
    ]


@cases
def test_no_pixel_reads_what_was_overwritten(
    padding: str,
    shape: tuple[int, int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    filters: int,
) -> None:
    rows, columns = _axes(padding, shape, kernel, stride, dilation)
    overlap = image_overlap(
        rows, columns, shape, (shape[0], rows.out_size, columns.out_size, filters)
    )
    reads, points = _reads(rows, columns, shape), _points(overlap)
    kept = [0, *_kept(rows, columns, shape)[:-1]]
    assert points == [((i + 1) * filters, keep) for i, keep in enumerate(kept)]
    for step, (written, keep) in enumerate(points):
        assert all(read >= keep for read in reads[step:])
        # What step writes lies below all that it and later steps read.
        assert written - overlap.distance_bytes <= min(reads[step:])
    assert overlap.distance_bytes == max(written - keep for written, keep in points)


@cases
def test_no_pair_of_pixels_reads_what_was_overwritten(
    padding: str,
    shape: tuple[int, int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    filters: int,
) -> None:
    rows, columns = _axes(padding, shape, kernel, stride, dilation)
    made = (shape[0], rows.out_size, columns.out_size, filters)
    overlap = paired_windows_overlap(rows, columns, shape, made)
    kept, pixels = _kept(rows, columns, shape), made[1] * made[2]
    ends = [
        b * pixels + min(first + 2, pixels) for b in range(made[0]) for first in range(0, pixels, 2)
    ]
    assert _points(overlap) == [(0, 0), *((end * filters, kept[end - 1]) for end in ends)]
    assert overlap.distance_bytes == max(written - keep for written, keep in _points(overlap))


@given(st.integers(1, 30), st.integers(1, 4), small, small, st.booleans())
def test_blocks_of_pixels(
    pixels: int, at_once: int, channels: int, filters: int, is_direct: bool
) -> None:
    overlap = blocks_overlap(pixels, at_once, channels, filters, is_direct=is_direct)
    steps: list[tuple[int, int]] = []
    for first in range(0, pixels, at_once):
        end = min(first + at_once, pixels)
        steps += [] if is_direct else [(first * filters, end * channels)]
        steps.append((end * filters, end * channels))
    one_by_one = row_overlap(0, steps)
    assert _points(overlap) == _points(one_by_one)
    assert overlap.distance_bytes == one_by_one.distance_bytes


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=30))
def test_any_rows_keep_their_points(steps: list[tuple[int, int]]) -> None:
    written = [sum(a for a, _ in steps[: i + 1]) for i in range(len(steps))]
    reads = [sum(b for _, b in steps[: i + 1]) for i in range(len(steps))]
    found = [point for item in progress_of(written, reads) for point in item.points()]
    assert found == list(dict.fromkeys(zip(written, reads, strict=True)))
    ahead = max(item.ahead_bytes() for item in progress_of(written, reads))
    assert ahead == max(a - b for a, b in zip(written, reads, strict=True))


@pytest.mark.parametrize("side", [16, 64, 4096])
def test_a_large_image_takes_no_more_patterns(side: int) -> None:
    """``check`` of two convolutions on 4096 x 4096 pixels took 113 s and 5.3 GB."""
    axis = window("SAME", side, 3, 1)
    shape = (1, side, side, 1)
    tracemalloc.start()
    whole, paired = (
        function(axis, axis, shape, shape) for function in (image_overlap, paired_windows_overlap)
    )
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(whole.progress) <= 12
    assert len(paired.progress) <= 12
    assert peak_bytes < 1_000_000


def _inputs(axis: Window, out: int) -> list[int]:
    start, end = axis.taps(out)
    return [axis.origin(out) + k * axis.dilation for k in range(start, end)]
