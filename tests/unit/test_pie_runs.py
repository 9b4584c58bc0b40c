"""Rows of any number of inputs are cut into few runs for the ESP32-S3's vector unit."""

from __future__ import annotations

import numpy as np
import pytest

from tinyml.ops.weighted import WeightedSum
from tinyml.variants.pie_gemm import sums_of_rows


@pytest.mark.parametrize("row", [64, 257, 509, 1000])
def test_rows_of_any_length_take_few_runs(row: int) -> None:
    """A prime number of inputs was cut into runs of one, each filled up to four."""
    rng = np.random.default_rng(row)
    weights = rng.choice((-127, 127), (32, row))
    none = np.zeros(32, np.int64)
    numbers = WeightedSum(weights, none, none + (1 << 30), none - 12, 0, 0, (-128, 127))
    sums = sums_of_rows(numbers, row, is_repeated=False)
    assert sums.runs * sums.taps < 2 * row  # of weights in flash
    where = [i * sums.step for i in range(sums.runs)]
    back = np.zeros_like(weights)
    for i, start in enumerate(where):
        back[:, start : start + sums.run] += sums.weights[:, i]
    assert np.array_equal(back, weights)
    call = sums.call("pointwise", (), None, 0)  # type: ignore[arg-type]  # neither matters here
    assert call.reads_constants_once
