"""tml_fixedpoint.h = tinyml/ir/fixedpoint.py, on random and extreme values."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.support.running.host_c import WARNINGS, compiler
from tinyml.base import resources
from tinyml.base.errors import ModelError
from tinyml.ir.fixedpoint import (
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
)

_PROGRAM = """\
#include <stdio.h>

#include "tml_fixedpoint.h"

int main(void)
{
    int32_t in[3];
    while (fread(in, sizeof(int32_t), 3, stdin) == 3) {
        const bool is_right = in[2] < 0 && in[0] > -(1 << 30) && in[0] < 1 << 30;
        const int32_t out[4] = {
            tml_high_mul(in[0], in[1]),
            tml_rounding_shift_right(in[0], in[2] < 0 ? -in[2] : in[2]),
            tml_requantise(in[0], in[1] & INT32_MAX, in[2]),
            is_right ? tml_requantise_right(in[0], in[1] & INT32_MAX, in[2]) : 0,
        };
        (void)fwrite(out, sizeof(int32_t), 4, stdout);
    }
    return 0;
}
"""
_TOP = (1 << 31) - 1


def _samples() -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Rows of (value, multiplier, shift): random, ends of the range, ties."""
    rng = np.random.default_rng(3)
    count = 20_000
    values = rng.integers(-_TOP - 1, _TOP + 1, count) >> rng.integers(0, 31, count)
    multipliers = rng.integers(-_TOP - 1, _TOP + 1, count)
    shifts = rng.integers(-31, 31, count)
    ends = np.array([-_TOP - 1, -_TOP, -1 << 30, 1 - (1 << 30), -1, 0, 1, (1 << 30) - 1, _TOP])
    values[:2000] = rng.choice(ends, 2000)
    multipliers[1000:3000] = rng.choice(np.array([0, 1, 1 << 30, _TOP, -_TOP - 1]), 2000)
    halves = rng.integers(-1000, 1000, 4000) * 2 + 1  # times 2**(n - 1): ties of a shift by n
    shifts[3000:7000] = -rng.integers(1, 20, 4000)
    values[3000:7000] = halves << -shifts[3000:7000]
    multipliers[3000:7000] = 1 << 30
    return np.stack([values, multipliers, shifts], axis=1)


@pytest.mark.host_cc
@pytest.mark.parametrize("define", ["-DTML_WIDE", "-D__thumb__"], ids=["wide", "narrow"])
def test_c_equals_python(define: str, tmp_path: Path) -> None:
    """With a 64-bit product, and in halves as for cores that have none."""
    source, program = tmp_path / "fixedpoint.c", tmp_path / "fixedpoint"
    source.write_text(_PROGRAM, encoding="utf-8")
    include = resources.path("firmware") / "include"
    subprocess.run(
        [*compiler("size"), *WARNINGS, define, f"-I{include}", "-o", str(program), str(source)],
        check=True,
    )
    samples = _samples()
    done = subprocess.run(
        [str(program)], input=samples.astype("<i4").tobytes(), capture_output=True, check=True
    )
    found = np.frombuffer(done.stdout, "<i4").reshape(-1, 4).astype(np.int64)
    values, multipliers, shifts = samples.T
    positive = multipliers & _TOP
    requantised = multiply_by_quantized_multiplier(values, positive, shifts)
    is_right = (shifts < 0) & (np.abs(values) < 1 << 30)
    assert np.array_equal(found[:, 0], saturating_rounding_doubling_high_mul(values, multipliers))
    assert np.array_equal(found[:, 1], rounding_divide_by_pot(values, np.abs(shifts)))
    assert np.array_equal(found[:, 2], requantised)
    assert np.array_equal(found[:, 3], np.where(is_right, requantised, 0))


@pytest.mark.parametrize(
    ("real", "fixed"),
    [
        (0.0, (0, 0)),
        (1.0, (1 << 30, 1)),
        (0.5, (1 << 30, 0)),
        (1.0 - 2.0**-33, (1 << 30, 1)),  # the mantissa rounds up to 2**31
        (2.0**-32, (1 << 30, -31)),
        (2.0**-33, (0, 0)),
        (0.75 * 2.0**30, (3 << 29, 30)),
    ],
)
def test_quantize_multiplier(real: float, fixed: tuple[int, int]) -> None:
    assert quantize_multiplier(real) == fixed


@pytest.mark.parametrize("real", [-1.0, float("nan"), float("inf"), 2.0**31])
def test_quantize_multiplier_refuses(real: float) -> None:
    with pytest.raises(ModelError, match="a rescaling factor is"):
        quantize_multiplier(real)
