"""The short forms of requantisation equal the reference at every threshold, end and random sum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyml.ir.fixedpoint import quantize_multiplier
from tinyml.ir.requant import (
    IntArray,
    Linear,
    Rescaling,
    Rounding,
    solve_linear,
    solve_rounding,
    thresholds,
)

pytestmark = pytest.mark.slow

_TOP = (1 << 31) - 1
_ZERO_POINTS = (-128, -127, -1, 0, 1, 64, 127)
_BOUNDS = ((-128, 127), (-128, 100), (-100, 127), (0, 5), (3, 3))


def _rescaling(
    factors: list[tuple[int, int]],
    reach: int,
    zero_point: int = -128,
    bounds: tuple[int, int] = (-128, 127),
) -> Rescaling:
    multiplier, shift = (np.array(items, np.int64) for items in zip(*factors, strict=True))
    ends = np.full(len(factors), reach, np.int64)
    return Rescaling(multiplier, shift, zero_point, bounds, -ends, ends)


def _critical_sums(rescaling: Rescaling, seed: int = 0) -> IntArray:
    """Sums [count, channels]: at and around all thresholds, the ends, around 0, at random."""
    at = thresholds(rescaling)
    near = np.concatenate([at + step for step in (-2, -1, 0, 1, 2)], axis=1).T
    rng = np.random.default_rng(seed)
    random = rng.integers(rescaling.low, rescaling.high, (500, len(rescaling.low)), endpoint=True)
    small = np.repeat(np.arange(-40, 41, dtype=np.int64)[:, None], len(rescaling.low), axis=1)
    ends = np.stack((rescaling.low, rescaling.low + 1, rescaling.high - 1, rescaling.high))
    every = np.concatenate((near, random, small, ends))
    clipped: IntArray = np.clip(every, rescaling.low, rescaling.high)
    return clipped


@st.composite
def _rescalings(draw: st.DrawFn) -> Rescaling:
    channels = draw(st.integers(1, 5))
    multiplier = st.one_of(
        st.integers(1 << 30, _TOP), st.sampled_from((0, 1 << 30, (1 << 30) + 1, _TOP, 3 << 29))
    )
    multipliers = np.array([draw(multiplier) for _ in range(channels)], np.int64)
    shifts = np.array([draw(st.integers(-31, 6)) for _ in range(channels)], np.int64)
    reach = draw(st.sampled_from((0, 1, 127, 1 << 12, 1 << 17, 1 << 22, (1 << 23) - 1, 1 << 29)))
    room = _TOP >> np.maximum(shifts, 0)
    ends = [
        sorted(draw(st.lists(st.integers(-reach, reach), min_size=2, max_size=2)))
        for _ in range(channels)
    ]
    low, high = (np.array(item, np.int64) for item in zip(*ends, strict=True))
    return Rescaling(
        multipliers,
        shifts,
        draw(st.sampled_from(_ZERO_POINTS)),
        draw(st.sampled_from(_BOUNDS)),
        np.clip(low, -room, room),
        np.clip(high, -room, room),
    )


@given(_rescalings())
def test_thresholds_are_where_the_reference_steps(rescaling: Rescaling) -> None:
    values = np.arange(rescaling.bounds[0] + 1, rescaling.bounds[1] + 1)
    for value, at in zip(values, thresholds(rescaling).T, strict=True):
        inside = (at > rescaling.low) & (at <= rescaling.high)
        where = np.where(inside, at, rescaling.high)
        assert np.all((rescaling.apply(where) >= value)[inside])
        assert np.all((rescaling.apply(where - 1) < value)[inside])
        assert np.all((rescaling.apply(rescaling.low) >= value)[at <= rescaling.low])
        assert np.all((rescaling.apply(rescaling.high) < value)[at > rescaling.high])


@given(_rescalings(), st.integers(0, 8))
def test_linear_form_equals_reference(rescaling: Rescaling, scale_log2: int) -> None:
    found = solve_linear(rescaling, scale_log2)
    if isinstance(found, str):
        return
    sums = _critical_sums(rescaling)
    assert np.array_equal(found.apply(sums, scale_log2), rescaling.apply(sums))
    alive = ~rescaling.is_dead()
    scaled = (sums + found.delta) << scale_log2
    assert np.abs(scaled[:, alive]).max(initial=0) <= _TOP, "the kernel's sums must not overflow"
    results = found.offset + ((scaled * found.multiplier) >> 32)
    assert np.abs(results[:, alive]).max(initial=0) <= _TOP
    assert np.all((found.multiplier >= 0) & (found.multiplier <= _TOP))
    assert np.all(np.abs(found.offset) <= _TOP)


@given(_rescalings())
def test_rounding_form_equals_reference(rescaling: Rescaling) -> None:
    found = solve_rounding(rescaling)
    if isinstance(found, str):
        return
    sums = _critical_sums(rescaling)
    assert np.array_equal(found.apply(sums), rescaling.apply(sums))
    assert np.all((found.shift >= 1) & (found.shift <= 31))
    assert np.all(np.abs(found.offset) <= _TOP)


@pytest.mark.parametrize("real", [0.5, 0.25, 3e-2, 4.1e-3, 7.7e-4, 1e-4])
@pytest.mark.parametrize("reach", [1 << 12, 1 << 17, (1 << 20) + 17])
def test_usual_layers_have_a_form(real: float, reach: int) -> None:
    """With a fused ReLU (zero point -128) two instructions do, else five."""
    factors = [quantize_multiplier(real * step) for step in (1.0, 0.83, 0.61, 0.37)]
    fused = _rescaling(factors, reach)
    linear = solve_linear(fused, 8)
    assert isinstance(linear, Linear)
    sums = _critical_sums(fused)
    assert np.array_equal(linear.apply(sums, 8), fused.apply(sums))
    plain = _rescaling(factors, reach, zero_point=5)
    rounding = solve_rounding(plain)
    if real == 0.5:  # 0.5 is 2**30 * 2**(0 - 31): no shift to the right is left
        assert isinstance(rounding, str)
    else:
        assert isinstance(rounding, Rounding)
        sums = _critical_sums(plain)
        assert np.array_equal(rounding.apply(sums), plain.apply(sums))


def test_all_sums_of_a_small_range() -> None:
    for zero_point in _ZERO_POINTS:
        factors = [quantize_multiplier(real) for real in (0.4999, 0.13, 0.0078125, 0.003)]
        rescaling = _rescaling(factors, 1 << 15, zero_point)
        sums = np.repeat(np.arange(-(1 << 15), (1 << 15) + 1)[:, None], len(factors), axis=1)
        rounding = solve_rounding(rescaling)
        assert isinstance(rounding, Rounding)
        assert np.array_equal(rounding.apply(sums), rescaling.apply(sums))
        linear = solve_linear(rescaling, 8)
        if isinstance(linear, Linear):
            assert np.array_equal(linear.apply(sums, 8), rescaling.apply(sums))


def test_ties_of_both_signs_need_the_rounding_form() -> None:
    """Halves go away from zero: no linear map does that on both sides of it."""
    rescaling = _rescaling([(1 << 30, -3)], 4000, zero_point=0)
    assert solve_linear(rescaling, 8) == "no multiplier reproduces all thresholds"
    assert isinstance(solve_rounding(rescaling), Rounding)


def test_dead_channels_do_not_constrain_the_others() -> None:
    """A channel that always gives 127, with sums near 2**31, beside an ordinary one."""
    rescaling = Rescaling(
        np.array([_TOP, 1 << 30]),
        np.array([-1, -8]),
        -128,
        (-128, 127),
        np.array([_TOP - 1000, -5000]),
        np.array([_TOP, 5000]),
    )
    assert rescaling.is_dead().tolist() == [True, False]
    linear, rounding = solve_linear(rescaling, 8), solve_rounding(rescaling)
    assert isinstance(linear, Linear)
    assert isinstance(rounding, Rounding)
    for anything in (-_TOP, -1, 0, 1, _TOP):  # sums of dead channels may wrap
        sums = np.array([[anything, 77]], np.int64)
        assert linear.apply(sums, 0)[0, 0] == 127
        assert rounding.apply(sums)[0, 0] == 127


@pytest.mark.parametrize(
    ("factor", "reach", "bounds", "reason"),
    [
        ((1 << 30, 2), 1 << 29, (-128, 127), "a left shift could overflow 32 bits"),
        ((1 << 30, 0), 1 << 12, (-128, 127), "a factor of a half or more"),
        ((1 << 30, -3), 1 << 30, (-128, 127), "do not fit 32 bits"),
        ((1 << 30, -26), 1 << 29, (-128, 127), "do not fit 32 bits"),
        ((1 << 30, -3), 1 << 12, (-100, 100), "the activation cuts inside int8"),
    ],
)
def test_rounding_form_says_why_not(
    factor: tuple[int, int], reach: int, bounds: tuple[int, int], reason: str
) -> None:
    found = solve_rounding(_rescaling([factor], reach, zero_point=100, bounds=bounds))
    assert isinstance(found, str)
    assert reason in found


def test_linear_form_says_why_not() -> None:
    large = solve_linear(_rescaling([(1 << 30, -8)], 1 << 24), 8)
    assert large == "sums times the kernel's factor do not fit 32 bits"
