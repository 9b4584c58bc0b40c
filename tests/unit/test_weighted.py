"""Bounds of weighted sums, and what the kernels' constants are derived from them."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinyml.ir.fixedpoint import multiply_by_quantized_multiplier
from tinyml.ops.weighted import RIGHT_SHIFT_LIMIT, WeightedSum
from tinyml.ops.weighted_forms import channel_constants

INT8 = st.integers(-128, 127)


def _layer(
    weights: list[list[int]], bias: list[int], multiplier: int, shift: int, zero_point: int
) -> WeightedSum:
    channels = len(weights)
    return WeightedSum(
        np.array(weights, np.int64),
        np.array(bias, np.int64),
        np.full(channels, multiplier, np.int64),
        np.full(channels, shift, np.int64),
        zero_point,
        5,
        (-128, 127),
    )


@given(st.lists(INT8, min_size=3, max_size=3), st.integers(-1000, 1000), INT8)
def test_sum_bounds_are_reached(weights: list[int], bias: int, zero_point: int) -> None:
    low, high = _layer([weights], [bias], 1 << 30, -8, zero_point).sum_bounds
    sums = [
        bias + sum(w * (x - zero_point) for w, x in zip(weights, inputs, strict=True))
        for inputs in itertools.product((-128, 127), repeat=3)
    ]
    assert (low[0], high[0]) == (min(sums), max(sums))


def test_folded_bias_takes_the_zero_point_of_every_tap() -> None:
    layer = _layer([[3, -2, 5]], [100], 1 << 30, -8, -7)
    assert layer.folded_bias().tolist() == [100 + 7 * 6]


def test_dead_channels_lose_their_huge_bias() -> None:
    """Converters write biases of 2**30 for channels without weights: outputs must stay the same."""
    layer = _layer([[0, 0], [1, -1], [9, 9]], [1 << 30, -(1 << 30), 50], 1 << 30, -26, 3)
    bounded = layer.with_bounded_sums
    assert not layer.shifts_right
    assert bounded.shifts_right
    assert bounded.bias[2] == 50
    for sums in (*layer.sum_bounds, *bounded.sum_bounds):
        assert sums.shape == (3,)
    for old, new in zip(layer.sum_bounds, bounded.sum_bounds, strict=True):
        assert np.array_equal(layer.outputs(old), bounded.outputs(new))


def test_live_channel_with_a_huge_bias_stays() -> None:
    layer = _layer([[127] * 2000], [1 << 30], 1 << 30, -24, 3)
    assert layer.with_bounded_sums.bias.tolist() == [1 << 30]
    assert not layer.with_bounded_sums.shifts_right


def test_factor_of_zero_shifts_right() -> None:
    layer = _layer([[1]], [0], 0, 0, 0)
    assert layer.shifts_right
    assert channel_constants(layer, is_folded=True)[2].data.tolist() == [-1]


@given(
    st.integers(1 - RIGHT_SHIFT_LIMIT, RIGHT_SHIFT_LIMIT - 1),
    st.integers(0, (1 << 31) - 1),
    st.integers(-31, -1),
)
def test_short_requantisation_equals_the_rule(value: int, multiplier: int, shift: int) -> None:
    """The formula of tml_requantise_right, in Python's unbounded integers."""
    high = (2 * value * multiplier + (1 << 31)) >> 32
    total = high + (1 << (-shift - 1)) + (-1 if high < 0 else 0)
    assert -(1 << 31) <= total < 1 << 31
    expected = multiply_by_quantized_multiplier(np.array([value]), multiplier, shift)
    assert total >> -shift == expected[0]
