"""Taps of transposed convolutions are counted without a walk over the output."""

from __future__ import annotations

import itertools

from tinyml.ops.spreads import Spread


def counted(axis: Spread) -> int:
    reached = (
        i * axis.stride + tap - axis.pad for i in range(axis.in_size) for tap in range(axis.kernel)
    )
    return sum(0 <= out < axis.out_size for out in reached)


def test_all_small_axes() -> None:
    sizes = itertools.product(range(1, 6), range(1, 9), range(1, 6), range(1, 4), range(4))
    for in_size, out_size, kernel, stride, pad in sizes:
        axis = Spread(in_size, out_size, kernel, stride, pad)
        assert axis.taps() == counted(axis)


def test_a_size_of_gigabytes_takes_no_time() -> None:
    """A damaged shape of 2^31 columns was counted one by one."""
    assert Spread(4, (1 << 31) - 1, 3, 2, 0).taps() == 12
