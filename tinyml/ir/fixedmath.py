"""Exponential and reciprocal in 32-bit fixed point, bit for bit as TensorFlow Lite Micro has them.

Values are int32 held in int64 arrays. "Qm" means m integer bits: real = raw / 2**(31 - m); Q0's one
is the largest int32. All methods are gemmlowp's (fixedpoint.h): a Taylor series around -1/8 and a
product of tabulated powers for exp, three Newton-Raphson steps for the division. The firmware
repeats ``one_over_one_plus_x`` (kernels/softmax/s8.h), ``log_of_sum`` (log_softmax) and
``inverse_square_root`` (l2_normalization); the rest is folded into tables.
"""

from __future__ import annotations

import numpy as np

from tinyml.ir.fixedpoint import (
    IntArray,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
)

Q0_ONE = (1 << 31) - 1
Q2_ONE = 1 << 29
_Q0_EXP_MINUS_EIGHTH = 1895147668  # exp(-1/8)
_Q0_THIRD = 715827883
_Q0_EXP_MINUS_POWER = {  # exponent e: exp(-2**e)
    -2: 1672461947,
    -1: 1302514674,
    0: 790015084,
    1: 290630308,
    2: 39332535,
    3: 720401,
    4: 242,
}
_Q2_48_OVER_17 = 1515870810
_Q2_MINUS_32_OVER_17 = -1010580540

_Q0_ROOT_OF_HALF = 1518500250
_Q0_FOURTH_ROOT_OF_HALF = 1805811301
_Q0_LOG_2 = 1488522236
_Q0_LOG_N = 117049297  # 11/240 * 2^(1/4)
_Q0_LOG_D = 127690142  # 1/20 * 2^(1/4)
_Q0_LOG_I = 1057819769  # 2 / 2^(1/4) - 2^(1/4)
_Q0_LOG_F = 638450708  # 1/4 * 2^(1/4)

_mul = saturating_rounding_doubling_high_mul


def exp_of_negative(raw: IntArray, integer_bits: int) -> IntArray:
    """exp(x) in Q0 of values x <= 0 in Q``integer_bits``, for at most 5 integer bits."""
    raw = np.asarray(raw, np.int64)
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    in_quarter = (raw & (quarter - 1)) - quarter  # x modulo 1/4, in [-1/4, 0)
    result = _exp_near_minus_eighth(in_quarter << integer_bits)
    rest = in_quarter - raw
    for exponent, power in _Q0_EXP_MINUS_POWER.items():
        if exponent < integer_bits:
            is_set = (rest >> (fraction_bits + exponent)) & 1
            result = np.where(is_set == 1, _mul(result, power), result)
    return np.where(raw == 0, Q0_ONE, result)


def _exp_near_minus_eighth(raw: IntArray) -> IntArray:
    """exp(x) in Q0 for x in [-1/4, 0) in Q0: four terms of the series in x + 1/8."""
    x: IntArray = raw + (1 << 28)
    x2 = _mul(x, x)
    x3 = _mul(x2, x)
    x4 = _mul(x2, x2)
    thirds = _mul(rounding_divide_by_pot(x4, 2) + x3, _Q0_THIRD)
    tail = rounding_divide_by_pot(thirds + x2, 1)
    return _Q0_EXP_MINUS_EIGHTH + _mul(x + tail, _Q0_EXP_MINUS_EIGHTH)


def one_over_one_plus_x(raw: IntArray) -> IntArray:
    """1 / (1 + x) in Q0 for x in [0, 1) in Q0."""
    return _shift_left(_reciprocal_of_half_sum(raw), 1)


def one_minus_x_over_one_plus_x(raw: IntArray) -> IntArray:
    """(1 - x) / (1 + x) in Q0 for x in [0, 1) in Q0."""
    return _shift_left(_reciprocal_of_half_sum(raw) - Q2_ONE, 2)


def _reciprocal_of_half_sum(raw: IntArray) -> IntArray:
    """2 / (1 + x) in Q2 for x in Q0."""
    half = (np.asarray(raw, np.int64) + (1 << 31)) >> 1
    x = _Q2_48_OVER_17 + _mul(half, _Q2_MINUS_32_OVER_17)
    for _ in range(3):
        error = Q2_ONE - _mul(half, x)
        x = x + _shift_left(_mul(x, error), 2)
    return x


def _shift_left(raw: IntArray, count: int) -> IntArray:
    """raw * 2**count, saturated to int32 as gemmlowp does: one unit early on the negative side."""
    threshold = (1 << (31 - count)) - 1
    shifted = np.where(raw > threshold, Q0_ONE, raw << count)
    return np.where(raw < -threshold, -(1 << 31), shifted)


def logistic(raw: IntArray, integer_bits: int) -> IntArray:
    """1 / (1 + exp(-x)) in Q0 of x in Q``integer_bits``."""
    raw = np.asarray(raw, np.int64)
    positive = one_over_one_plus_x(exp_of_negative(-np.abs(raw), integer_bits))
    result = np.where(raw > 0, positive, Q0_ONE - positive)
    return np.where(raw == 0, 1 << 30, result)


def tanh(raw: IntArray, integer_bits: int) -> IntArray:
    """tanh(x) in Q0 of x in Q``integer_bits``."""
    raw = np.asarray(raw, np.int64)
    # The same bits read with one integer bit more are 2x.
    size = one_minus_x_over_one_plus_x(exp_of_negative(-np.abs(raw), integer_bits + 1))
    return np.where(raw == 0, 0, np.where(raw < 0, -size, size))


def log_of_sum(raw: IntArray) -> IntArray:
    """log(x) in Q5 of x >= 1 in Q12.

    Source: TensorFlow Lite, log_x_for_x_greater_than_or_equal_to_1 (kernels/internal/common.h).
    x is brought near 1 in two ways, and a series computed of what comes out smaller.
    """
    raw = np.asarray(raw, np.int64)
    lead_a = 31 - np.floor(np.log2(raw)).astype(np.int64)
    near_a = _saturated(_mul(raw << (lead_a - 1), _Q0_ROOT_OF_HALF) << 1)
    lead_b = 30 - np.floor(np.log2(_mul(raw, _Q0_ROOT_OF_HALF))).astype(np.int64)
    near_b = _saturated(raw << lead_b)
    powers = (12 - lead_a) * (1 << 25) + (1 << 23), (12 - lead_b) * (1 << 25) - (1 << 23)
    r, power = np.minimum(near_a, near_b), np.maximum(*powers)
    p, q = (r + _Q0_FOURTH_ROOT_OF_HALF + 1) >> 1, 2 * (r - _Q0_FOURTH_ROOT_OF_HALF)
    square = _mul(q, q)
    above = _mul(q, r) + _mul(_mul(q, square), _Q0_LOG_N)
    below = _mul(p, _Q0_LOG_I + q + _mul(square, _Q0_LOG_D)) + _mul(q, _Q0_LOG_F)
    rest = _mul(rounding_divide_by_pot(above, 6), one_over_one_plus_x(below))
    return np.asarray(2 * (_mul(power, _Q0_LOG_2) + rest), np.int64)


def inverse_square_root(value: int) -> tuple[int, int]:
    """Multiplier and shift of 1 / sqrt(value), for 1 <= value < 2**29.

    Source: TensorFlow Lite, GetInvSqrtQuantizedMultiplierExp (kernels/internal/common.h): five
    steps of Newton's method in Q3.28, from 1.
    """
    if value == 1:
        return (1 << 31) - 1, 0
    pairs = (31 - value.bit_length()) // 2 - 1
    given = np.array((value << (2 * pairs)) >> 1, np.int64)
    half = rounding_divide_by_pot(given, 1)
    three_halves = (1 << 28) + (1 << 27)
    x: IntArray = np.array(1 << 28, np.int64)
    for _ in range(5):
        cube = _saturated(_mul(_mul(x, x), x) << 6)
        x = _saturated((_mul(x, three_halves) - _mul(half, cube)) << 3)
    found, right = int(_mul(x, _Q0_ROOT_OF_HALF)), 11 - pairs
    return (found << -right, 0) if right < 0 else (found, -right)


def _saturated(x: IntArray) -> IntArray:
    return np.clip(x, -(1 << 31), (1 << 31) - 1)
