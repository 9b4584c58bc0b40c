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
_TANH = (2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)


def clamp(x: Floats, low: float, high: float) -> Floats:
    """Values between bounds; what is not a number stays so."""
    least = np.where(x < _F(low), _F(low), x)
    return np.where(_F(high) < least, _F(high), least)


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
