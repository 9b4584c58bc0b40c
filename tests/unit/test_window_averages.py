"""What `average_window_s8.h` computes, in the same integers: exact for every sum and count."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tinyml.variants.dsp_pool import LEAST_FACTOR, MOST_STRAIGHT

MOST = 255  # pixels whose sums, less one, fit 16 bits


def averages(sums: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """As SMLAWB, SMLAWT and PKHTB give them."""
    factor = (2**32 - 1) // count
    offset = 2**15 + (0 if count % 2 else 2**15 // count)
    assert factor < 2**31
    used = sums if count % 2 else sums - (sums < 0)
    assert used.min() >= -(2**15)
    assert used.max() < 2**15
    return np.asarray(((factor * used >> 16) + offset) >> 16, np.int64)


@pytest.mark.parametrize("count", range(LEAST_FACTOR, MOST + 1))
def test_every_sum_becomes_its_average(count: int) -> None:
    assert MOST_STRAIGHT <= MOST
    sums = np.arange(-128 * count, 127 * count + 1, dtype=np.int64)
    rounded = np.sign(sums) * ((np.abs(sums) + count // 2) // count)
    assert np.array_equal(averages(sums, count), rounded)
