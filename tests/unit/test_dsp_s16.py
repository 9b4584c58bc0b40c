"""How the DSP kernels for int16 values make outputs of sums: exact at and beside every tie."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tinyml.ir.dtype import INT16, INT32, INT64, DType
from tinyml.ops.weighted import WeightedSum
from tinyml.variants.dsp_s16 import LONG, ONCE, SHIFTED, TWICE, Form, choose_form, tap_order

IntArray = NDArray[np.int64]
_FULL = INT16.limits


def _layer(
    shifts: list[int], sums: DType = INT64, weight: int = 100, bias: int = 0, taps: int = 20
) -> WeightedSum:
    rng = np.random.default_rng(3)
    count = len(shifts)
    return WeightedSum(
        np.full((count, taps), weight, np.int64),
        np.full(count, bias, np.int64),
        rng.integers(1 << 30, 1 << 31, count),
        np.array(shifts, np.int64),
        0,
        0,
        _FULL,
        INT16,
        sums,
    )


def _instructions(form: Form, sums: IntArray) -> IntArray:
    """What the blocks of gemm_block_s16.h compute, in 64 bits with the cuts of their registers."""
    constants = [form.constants[:, i] for i in range(form.constants.shape[1])]
    match form.kind:
        case 0:
            made = (sums * constants[0] + (1 << 31)) >> 32
        case 1:
            made = (constants[1] + (sums * constants[0] >> 32)) >> constants[2]
        case 2:
            offset = constants[1] + (sums >> 63)
            made = (offset + ((2 * sums * constants[0] + (1 << 31)) >> 32)) >> constants[2]
        case _:
            factor, low, high, right = constants
            product = (sums >> 32) * factor + (((sums & 0xFFFFFFFF) * factor + low) >> 32)
            made = (product + high) >> right
    return np.clip(made, *form.bounds)


def _sums(layer: WeightedSum) -> IntArray:
    """Random ones, the ends, and those at and around each rounding tie near some outputs."""
    low, high = (np.asarray(end) for end in layer.sum_bounds)
    rng = np.random.default_rng(4)
    spread = rng.integers(low, high + 1, (3000, len(low)))
    outputs = rng.integers(-32770, 32770, (3000, 1)) + 0.5
    ties = np.rint(outputs / (layer.multiplier * np.exp2(layer.shift - 31.0))).astype(np.int64)
    near = np.concatenate([ties + step for step in (-2, -1, 0, 1, 2)])
    few = np.concatenate((low[None], high[None], np.zeros_like(low)[None], spread, near))
    return np.asarray(np.clip(few, low, high), np.int64)


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (_layer(list(range(-17, 0))), ONCE),
        (_layer(list(range(-31, -1))), SHIFTED),
        (_layer([-1, -31]), LONG),  # no shift that serves SMMLA serves the first
        (_layer([-12, -16, -20], bias=1 << 40), LONG),
        (_layer([-10, -20], weight=-128, taps=600), LONG),  # 2.5e9
        (_layer([-31, -12, -1], INT32, taps=300), TWICE),
    ],
)
def test_forms_are_exact(layer: WeightedSum, kind: int) -> None:
    form = choose_form(layer)
    assert isinstance(form, Form)
    assert form.kind == kind
    sums = _sums(layer)
    np.testing.assert_array_equal(_instructions(form, sums), layer.outputs(sums))


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (_layer([0]), "a factor is a half or more"),
        (_layer([-9, 3], bias=1 << 40), "a factor is a half or more"),
        (_layer([0], INT32), "a half or more"),
        (_layer([-9], INT32, taps=400), "sums of 32 bits"),
    ],
)
def test_what_no_form_serves(layer: WeightedSum, reason: str) -> None:
    found = choose_form(layer)
    assert isinstance(found, str)
    assert reason in found


def test_short_sums_end_where_32_bits_end() -> None:
    """127 * 32768 * 516 + a bias: one more than fits is long, whatever the sign."""
    taps = 516
    most = (1 << 31) - 1 - taps * 127 * 32767
    for bias, kind in ((most, ONCE), (most + 1, LONG)):
        form = choose_form(_layer([-12], weight=127, bias=bias, taps=taps))
        assert isinstance(form, Form)
        assert form.kind == kind


def test_no_weights_at_all() -> None:
    """A factor of 0 gives 0."""
    layer = _layer([-9, -9])
    layer.multiplier[1] = 0
    layer.shift[1] = 0
    form = choose_form(layer)
    assert isinstance(form, Form)
    assert form.kind == ONCE
    assert form.constants[1, 0] == 0


def test_order_of_taps() -> None:
    """Pairs of all segments, then what is odd, then zeros."""
    assert tap_order(2, 3, 4).tolist() == [0, 1, 3, 4, 2, 5, -1, -1]
    assert tap_order(1, 4, 4).tolist() == [0, 1, 2, 3]
