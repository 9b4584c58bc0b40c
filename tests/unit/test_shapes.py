"""Window arithmetic against a tap-by-tap count."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tinyml.base.errors import ModelError
from tinyml.ir.shapes import window

sizes = st.integers(1, 9)


@given(st.sampled_from(["SAME", "VALID"]), st.integers(1, 20), sizes, sizes, st.integers(1, 4))
def test_taps_are_those_inside_the_input(
    padding: str, in_size: int, kernel: int, stride: int, dilation: int
) -> None:
    try:
        axis = window(padding, in_size, kernel, stride, dilation)
    except ModelError:
        assume(False)
    reads = [
        [k for k in range(kernel) if 0 <= out * stride - axis.pad + k * dilation < in_size]
        for out in range(axis.out_size)
    ]
    for out, inside in enumerate(reads):
        start, end = axis.taps(out)
        assert list(range(start, end)) == inside
        later = [
            o * stride - axis.pad + k * dilation
            for o in range(out, axis.out_size)
            for k in reads[o]
        ]
        assert axis.first_needed(out) <= min(later, default=in_size)
    assert axis.used_taps() == sum(map(len, reads))
    assert axis.whole_outputs() == sum(len(inside) == kernel for inside in reads)
    last = (axis.out_size - 1) * stride - axis.pad + (kernel - 1) * dilation
    assert axis.pad_after == max(0, last - in_size + 1)


def test_same_puts_the_odd_pixel_behind() -> None:
    axis = window("SAME", 6, 4, 2)
    assert (axis.out_size, axis.pad, axis.pad_after) == (3, 1, 1)
    axis = window("SAME", 6, 3, 2)
    assert (axis.out_size, axis.pad, axis.pad_after) == (3, 0, 1)


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "message"),
    [
        (5, 1, 1, "a window that spans 5 inputs does not fit into 4"),
        (3, 1, 2, "a window that spans 5 inputs does not fit into 4"),
        (3, 0, 1, "is impossible"),
        (3, 1, 0, "is impossible"),
    ],
)
def test_impossible_windows(kernel: int, stride: int, dilation: int, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        window("VALID", 4, kernel, stride, dilation)
