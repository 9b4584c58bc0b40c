"""The overlap that window kernels declare, against every single read and write."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from tinyml.errors import ModelError
from tinyml.ir.shapes import Window, window
from tinyml.ops.windows import image_overlap

small = st.integers(1, 4)


@given(
    st.sampled_from(["SAME", "VALID"]),
    st.tuples(st.integers(1, 2), st.integers(1, 6), st.integers(1, 6), small),
    st.tuples(small, small),
    st.tuples(small, small),
    st.tuples(st.integers(1, 2), st.integers(1, 2)),
    small,
)
def test_no_pixel_reads_what_was_overwritten(
    padding: str,
    shape: tuple[int, int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    out_channels: int,
) -> None:
    batches, height, width, channels = shape
    try:
        rows = window(padding, height, kernel[0], stride[0], dilation[0])
        columns = window(padding, width, kernel[1], stride[1], dilation[1])
    except ModelError:
        assume(False)
    made = (batches, rows.out_size, columns.out_size, out_channels)
    overlap = image_overlap(rows, columns, shape, made)
    reads = [
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
    assert len(overlap.rows) == len(reads)
    for step, (written, keep) in enumerate(overlap.rows):
        assert written == (step + 1) * out_channels
        assert all(read >= keep for read in reads[step + 1 :])
        # What step writes lies below all that it and later steps read.
        assert written - overlap.distance_bytes <= min(reads[step:])


def _inputs(axis: Window, out: int) -> list[int]:
    start, end = axis.taps(out)
    return [axis.origin(out) + k * axis.dilation for k in range(start, end)]
