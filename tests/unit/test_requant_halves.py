"""The form of 16-bit products equals the reference for all sums of its range."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from tinyml.ir.requant import IntArray, Rescaling
from tinyml.ir.requant_halves import Halves, solve_halves, solve_most


def random_layer(seed: int, reach_log2: int, channels: int = 6) -> tuple[Rescaling, IntArray]:
    """A layer with one sign or both, and biases up to its reach."""
    rng = np.random.default_rng(seed)
    multiplier = rng.integers(1 << 30, 1 << 31, channels)
    shift = -rng.integers(max(reach_log2 - 8, 0), reach_log2 - 3, channels)
    bias = rng.integers(-(1 << reach_log2), 1 << reach_log2, channels)
    low = bias - rng.integers(1, 1 << reach_log2, channels)
    high = bias + rng.integers(1, 1 << reach_log2, channels)
    bounds = (-128, 127) if seed % 3 else (-100, 90)
    zero_point = bounds[0] if seed % 2 else int(rng.integers(-90, 90))
    return Rescaling(multiplier, shift, zero_point, bounds, low, high), bias


def of_channel(found: Halves, channel: int) -> Halves:
    arrays: dict[str, Any] = {
        item.name: value[[channel]]
        for item in fields(found)
        if isinstance(value := getattr(found, item.name), np.ndarray)
    }
    return replace(found, **arrays)


@pytest.mark.parametrize("reach_log2", [9, 13, 16, 18])
def test_all_sums(reach_log2: int) -> None:
    solved = 0
    for seed in range(12):
        rescaling, bias = random_layer(seed, reach_log2)
        found = solve_halves(rescaling, bias)
        if isinstance(found, str):
            continue
        solved += 1
        for channel in range(len(bias)):
            one, own = rescaling.of(np.array([channel])), of_channel(found, channel)
            sums = np.arange(one.low[0], one.high[0] + 1)[:, None]
            made = np.clip(own.apply(sums - bias[channel]), *one.bounds)
            assert np.array_equal(made, one.apply(sums)), (seed, channel)
    assert solved >= 8


def test_each_kind_is_found() -> None:
    kinds = set()
    for seed in range(40):
        found = solve_halves(*random_layer(seed, 17, 48))
        if isinstance(found, Halves):
            kinds.add((found.border is not None, found.is_exact))
    assert kinds == {(False, False), (False, True), (True, False), (True, True)}


def test_channels_of_very_different_factors() -> None:
    one = np.array([1 << 30, 1 << 30])
    reach = np.array([400_000, 400_000])
    rescaling = Rescaling(one, np.array([-6, -16]), -128, (-128, 127), -reach, reach)
    bias = np.array([17, -5000])
    found = solve_halves(rescaling, bias)
    assert isinstance(found, Halves)
    assert found.is_exact  # the small factor's low half decides
    for channel in range(2):
        own, single = of_channel(found, channel), rescaling.of(np.array([channel]))
        sums = np.arange(-reach[channel], reach[channel] + 1)[:, None]
        assert np.array_equal(own.apply(sums - bias[channel]), single.apply(sums))


def test_channels_that_have_no_constants() -> None:
    """A left shift that could overflow, and one of 2**24 beside another: the rest is served."""
    one, reach = np.array([1 << 30]), np.array([1000])
    shift = np.array([25, -6, -6, -6])
    rescaling = Rescaling(
        np.repeat(one, 4), shift, 0, (-128, 127), np.repeat(-reach, 4), np.repeat(reach, 4)
    )
    found = solve_most(rescaling, np.zeros(4, np.int64))
    assert found.unproved is not None
    assert found.unproved.tolist() == [True, False, False, False]
    sums = np.arange(-reach[0], reach[0] + 1)[:, None]
    assert np.array_equal(found.apply(sums)[:, 1:], rescaling.apply(sums)[:, 1:])
    assert solve_halves(rescaling, np.zeros(4, np.int64)) == "no offset reproduces all thresholds"


def test_layers_of_many_products_lose_few_channels() -> None:
    """Bounds of their sums leave few bits for fractions; one channel not proved lost them all."""
    lost = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        multiplier, shift = rng.integers(1 << 30, 1 << 31, 64), -rng.integers(9, 13, 64)
        reach, bias = rng.integers(1 << 22, 1 << 24, 64), rng.integers(-5000, 5000, 64)
        rescaling = Rescaling(multiplier, shift, -128, (-128, 127), bias - reach, bias + reach)
        found = solve_most(rescaling, bias)
        served = np.ones(64, bool) if found.unproved is None else ~found.unproved
        lost += int(np.count_nonzero(~served))
        sums = np.linspace(-(1 << 20), 1 << 20, 8001).astype(np.int64)[:, None] + bias
        made = np.clip(found.apply(sums - bias), *rescaling.bounds)
        assert np.array_equal(made[:, served], rescaling.apply(sums)[:, served])
    assert 0 < lost < 8 * 64 // 4, lost


def test_a_channel_that_hardly_moves_far_from_0() -> None:
    """128 steps of its output are more than 32 bits hold of what the other channels need."""
    multiplier, shift = np.array([1422155000, 1735508000]), np.array([-7, -16])
    bias, low, high = (
        np.array(pair) for pair in ((22362, 779_101), (-14210, 711_220), (58720, 846_880))
    )
    rescaling = Rescaling(multiplier, shift, -128, (-128, 127), low, high)
    found = solve_halves(rescaling, bias)
    assert isinstance(found, Halves)
    assert found.base is not None
    for channel in range(2):
        own, single = of_channel(found, channel), rescaling.of(np.array([channel]))
        sums = np.arange(single.low[0], single.high[0] + 1)[:, None]
        assert np.array_equal(own.apply(sums - bias[channel]), single.apply(sums))


def test_sums_of_more_than_20_bits() -> None:
    reach = np.array([2_000_000])
    rescaling = Rescaling(np.array([1 << 30]), np.array([-8]), 3, (-128, 127), -reach, reach)
    found = solve_halves(rescaling, np.zeros(1, np.int64))
    assert isinstance(found, Halves)
    assert int(reach[0]) << found.left < 1 << 31
    sums = np.arange(-reach[0], reach[0] + 1, 7)[:, None]
    assert np.array_equal(found.apply(sums), rescaling.apply(sums))
