"""What the proofs of the Helium kernels rest on."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinyml.ir.fixedpoint import rounding_divide_by_pot
from tinyml.variants.mve_depthwise import largest_group
from tinyml.variants.mve_rescale import adds_sign, lane_order

INT32 = st.integers(-(1 << 31) + 1, (1 << 31) - 1)  # a high multiply never gives the least one


def vrshl(value: int, shift: int) -> int:
    """What the instruction does with a shift of zero or less."""
    return value if shift == 0 else (value + (1 << (-shift - 1))) >> -shift


def rescaled(value: int, shift: int, *, is_signed: bool) -> int:
    """The second step of rescale.h."""
    correction = (value & shift) >> 31 if is_signed else 0
    return vrshl(value + correction, shift)


@given(INT32, st.integers(-31, 0))
def test_second_rounding(value: int, shift: int) -> None:
    expected = int(rounding_divide_by_pot(np.int64(value), -shift))
    assert rescaled(value, shift, is_signed=True) == expected


@given(
    st.integers(-1024, 1024),
    st.integers(-8, 0),
    st.integers(-128, 127),
    st.tuples(st.integers(-128, 127), st.integers(-128, 127)).map(sorted),
)
def test_halves_of_negative_values_do_not_show(
    value: int, shift: int, zero_point: int, bounds: list[int]
) -> None:
    low, high = bounds
    if adds_sign(zero_point, (low, high)):
        return
    expected = int(rounding_divide_by_pot(np.int64(value), -shift)) + zero_point
    found = rescaled(value, shift, is_signed=False) + zero_point
    assert min(max(found, low), high) == min(max(expected, low), high)


def test_lanes_come_out_in_order() -> None:
    """Narrowing puts the first and third vector's lanes at even places of a half."""
    fours = lane_order(16).reshape(4, 4)
    even, odd = np.stack(fours[:2], 1).reshape(-1), np.stack(fours[2:], 1).reshape(-1)
    assert np.stack((even, odd), 1).reshape(-1).tolist() == list(range(16))
    assert lane_order(18).tolist()[16:] == [16, 17, -1, -1]
    assert sorted(lane_order(38)[lane_order(38) >= 0].tolist()) == list(range(38))


def test_taps_that_16_bits_hold() -> None:
    assert largest_group(np.full((1, 9), 127)) == 2
    assert largest_group(np.full((1, 9), -128)) == 1
    assert largest_group(np.full((3, 9), 28)) == 9
    assert largest_group(np.array([[127, 127, 1, 0], [1, 1, 127, 127]])) == 3  # [127,127,1], [0]


@given(st.lists(st.lists(st.integers(-128, 127), min_size=9, max_size=9), min_size=1, max_size=4))
def test_sums_of_a_group_fit(rows: list[list[int]]) -> None:
    weights = np.array(rows)
    group = largest_group(weights)
    for first in range(0, 9, group):
        part = weights[:, first : first + group]
        extreme = np.where(part > 0, -128, 127)
        assert (extreme * part).sum(axis=1).min() >= -(1 << 15)
        assert (np.where(part > 0, 127, -128) * part).sum(axis=1).max() < 1 << 15
