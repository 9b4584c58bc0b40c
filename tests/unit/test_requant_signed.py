"""The form with an offset for each sign equals the reference for all sums of its range."""

from __future__ import annotations

import numpy as np
import pytest

from tinyml.ir.requant import Rescaling
from tinyml.ir.requant_signed import Signed, solve_signed


def random_rescaling(seed: int, reach_log2: int) -> Rescaling:
    rng = np.random.default_rng(seed)
    channels = 8
    multiplier = rng.integers(1 << 30, 1 << 31, channels)
    shift = -rng.integers(reach_log2 - 7, reach_log2 - 2, channels)
    low = -rng.integers(1, 1 << reach_log2, channels)
    high = rng.integers(1, 1 << reach_log2, channels)
    bounds = (-128, 127) if seed % 2 else (-100, 90)
    return Rescaling(multiplier, shift, int(rng.integers(-90, 90)), bounds, low, high)


@pytest.mark.parametrize("reach_log2", [9, 12, 15])
def test_all_sums(reach_log2: int) -> None:
    solved = 0
    for seed in range(30):
        rescaling = random_rescaling(seed, reach_log2)
        found = solve_signed(rescaling)
        if isinstance(found, str):
            continue
        solved += 1
        for channel in range(len(rescaling.low)):
            one = rescaling.of(np.array([channel]))
            sums = np.arange(one.low[0], one.high[0] + 1)[:, None]
            own = Signed(
                found.scale_log2,
                found.shift,
                found.multiplier[[channel]],
                found.offset[[channel]],
                found.negative[[channel]],
            )
            assert np.array_equal(own.apply(sums, one.bounds), one.apply(sums))
            wide = (sums << own.scale_log2).astype(object) * int(own.multiplier[0])
            assert max(abs(sums.min()), sums.max()) << own.scale_log2 < 1 << 31
            assert all(abs(value >> 32) < 1 << 30 for value in wide[[0, -1], 0])
    assert solved > 15


def test_channels_that_never_change() -> None:
    multiplier, shift = np.array([1 << 30, 1 << 30]), np.array([-20, -8])
    low, high = np.array([-100, -30000]), np.array([100, 30000])
    found = solve_signed(Rescaling(multiplier, shift, 5, (-128, 127), low, high))
    assert isinstance(found, Signed)
    sums = np.array([[-100], [0], [100]])
    assert (found.apply(np.broadcast_to(sums, (3, 2)), (-128, 127))[:, 0] == 5).all()


def test_why_not() -> None:
    one = np.array([1 << 30])
    huge = np.array([1 << 30])
    assert solve_signed(Rescaling(one, np.array([-9]), 0, (-128, 127), -huge, huge)) == (
        "sums do not fit 30 bits"
    )
    assert solve_signed(Rescaling(one, np.array([20]), 0, (-128, 127), -huge, huge)) == (
        "a left shift could overflow 32 bits"
    )
