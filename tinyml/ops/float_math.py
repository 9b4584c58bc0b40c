"""Functions of float32 values, the same bits as firmware/kernels/types/math_f32.h.

numpy rounds each operation on float32 arrays to float32, as C does where products are not joined
with sums; so the order of operations is all that has to agree.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_F = np.float32
_EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1)
_LOG = (
    *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
    *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
)
_QUARTERS, _QUARTER = 0.63661977236758138, (1.5707963267341256, 6.0771005065061922e-11)
_TANH = (2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)


def clamp(x: Floats, low: float, high: float) -> Floats:
    """Values between bounds; what is not a number stays so."""
    least = np.where(x < _F(low), _F(low), x)
    return np.where(_F(high) < least, _F(high), least)


def dot(a: Floats, b: Floats) -> Floats:
    """Sums of products along the last axis, from the first to the last."""
    sums = np.zeros(np.broadcast_shapes(a.shape, b.shape)[:-1], np.float32)
    for i in range(a.shape[-1]):
        sums = sums + a[..., i] * b[..., i]
    return sums


def exp(x: Floats) -> Floats:
    """e to the power of x."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        inside = np.where(x > _F(-104.0), x, _F(0.0))
        inside = np.where(inside > _F(89.0), _F(89.0), inside)
        n = (inside * _F(1.44269504) + _F(12582912.0)) - _F(12582912.0)
        r = inside - n * _F(0.693359375)
        r = r - n * _F(-2.12194440e-4)
        p = np.full_like(r, _EXP[0])
        for factor in (*_EXP[1:], 5.0000001201e-1):
            p = p * r + _F(factor)
        e = p * (r * r) + r + _F(1.0)
        whole = n.astype(np.int32)
        half = whole >> 1
        made = e * _power(half) * _power(whole - half)
        return np.where(x > _F(-104.0), made, np.where(x == x, _F(0.0), x))


def floor(x: Floats) -> Floats:
    """The greatest whole number that is not above each value."""
    return np.asarray(np.floor(x), np.float32)


def round_half_even(x: Floats) -> Floats:
    """The nearest whole number, of two equally near ones the even; never -0 but for -0.

    Source: TensorFlow Lite, RoundToNearest (kernels/internal/reference/round.h).
    """
    below = np.floor(x)
    with np.errstate(invalid="ignore"):
        rest = x - below
        is_below = (rest < _F(0.5)) | ((rest == _F(0.5)) & (np.fmod(below, _F(2.0)) == 0))
        return np.asarray(np.where(is_below, below, below + _F(1.0)), np.float32)


def log(x: Floats) -> Floats:
    """The natural logarithm."""
    usable = np.where((x > 0) & np.isfinite(x), x, _F(1.0))
    m, exponent = np.frexp(usable)
    is_low = m < _F(0.707106781)
    e = np.where(is_low, exponent - 1, exponent).astype(np.float32)
    m = np.where(is_low, m + m - _F(1.0), m - _F(1.0))
    z = m * m
    p = np.full_like(m, _LOG[0])
    for factor in _LOG[1:]:
        p = p * m + _F(factor)
    y = p * m * z
    y = y + e * _F(-2.12194440e-4)
    y = y - _F(0.5) * z
    made = m + y + e * _F(0.693359375)
    limits = np.where(x == 0, _F(-np.inf), np.where(x < 0, _F(np.nan), x))
    return np.where((x > 0) & np.isfinite(x), made, limits)


def sine(x: Floats, quarters: int = 0) -> Floats:
    """The sine of values and so many quarter turns; the cosine is that of one."""
    wide = x.astype(np.float64)
    is_inside = np.abs(wide) < 2.0**52
    with np.errstate(invalid="ignore"):
        near = np.where(is_inside, wide, 0.0)
        quarter = np.trunc(near * _QUARTERS + np.where(near < 0, -0.5, 0.5)).astype(np.int64)
        n = quarter.astype(np.float64)
        rest = ((near - n * _QUARTER[0]) - n * _QUARTER[1]).astype(np.float32)
        r = np.where(is_inside, rest, x - x)
    z = r * r
    p, q = np.full_like(r, -1.9515295891e-4), np.full_like(r, 2.443315711809948e-5)
    p = (p * z + _F(8.3321608736e-3)) * z + _F(-1.6666654611e-1)
    q = (q * z + _F(-1.388731625493765e-3)) * z + _F(4.166664568298827e-2)
    turned = (quarter + quarters) & 3
    made = np.where(turned & 1, q * z * z - _F(0.5) * z + _F(1.0), p * z * r + r)
    return np.asarray(np.where(turned & 2, -made, made), np.float32)


def floor_divide(a: Floats, b: Floats) -> Floats:
    """The greatest whole number that is not above a / b, divided in binary64."""
    return np.asarray(np.floor(a.astype(np.float64) / b.astype(np.float64)), np.float32)


def floor_mod(a: Floats, b: Floats) -> Floats:
    """What is left of a / b, with the sign of b. Source: reference_ops::FloorMod."""
    rest = np.fmod(a, b)
    return np.asarray(np.where((rest != 0) & ((b < 0) != (rest < 0)), rest + b, rest), np.float32)


def _power(n: NDArray[np.int32]) -> Floats:
    return ((n + 127).astype(np.uint32) << 23).view(np.float32)


def logistic(x: Floats) -> Floats:
    """1 / (1 + exp(-x))."""
    with np.errstate(over="ignore"):
        inside = _F(1.0) / (_F(1.0) + exp(-x))
    made = np.where(x < _F(-9.0), exp(x), inside)
    return np.where(x > _F(16.619047164916992), _F(1.0), made)


def tanh(x: Floats) -> Floats:
    """The hyperbolic tangent."""
    size = np.where(x < 0, -x, x)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        z = x * x
        p = np.full_like(x, -5.70498872745e-3)
        for factor in _TANH:
            p = p * z + _F(factor)
        near = p * z * x + x
        far = _F(1.0) - _F(2.0) / (exp(size + size) + _F(1.0))
    return np.where(size < _F(0.625), near, np.where(x < 0, -far, far))
