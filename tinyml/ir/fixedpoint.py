"""Fixed-point requantisation, exactly as TensorFlow Lite Micro and the firmware compute it.

A positive real factor is ``multiplier * 2**(shift - 31)``. Requantising rounds twice (TFLM's
default): a rounding doubling high multiply, then a rounding right shift. The same two steps are in
``firmware/include/tml_fixedpoint.h``; the tests hold the two equal on every element.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tinyml.base.errors import ModelError

IntArray = NDArray[np.int64]


@lru_cache(maxsize=4096)  # references ask again for every inference
def quantize_multiplier(real: float) -> tuple[int, int]:
    """Fixed-point form of a factor that is not negative.

    Returns ``(multiplier, shift)`` with ``real ≈ multiplier * 2**(shift - 31)``,
    multiplier in [2**30, 2**31), shift > 0 meaning left; (0, 0) for 0.0 and for factors that
    underflow (shift below -31).

    Raises ModelError if real is negative, not finite, or needs a left shift above 30.
    Source: TensorFlow Lite, QuantizeMultiplier (kernels/internal/quantization_util.cc).
    """
    if not math.isfinite(real) or real < 0.0:
        raise ModelError(f"a rescaling factor is {real}, it must be finite and not negative")
    if real == 0.0:
        return 0, 0
    mantissa, shift = math.frexp(real)
    # std::round: halves away from zero; the product is exact in binary64.
    multiplier = math.floor(mantissa * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    if shift > 30:
        raise ModelError(f"a rescaling factor is {real:g}, far above what int8 models need")
    return multiplier, shift


def saturating_rounding_doubling_high_mul(a: IntArray, b: IntArray | int) -> IntArray:
    """round(a * b / 2**31), halves towards plus infinity.

    ``a`` and ``b`` must be int32 values held in int64; saturates for a = b = -2**31.
    gemmlowp (fixedpoint.h) nudges by 2**30, or 1 - 2**30 when negative, and divides towards zero;
    that is the floor of (a * b + 2**30) / 2**31 for either sign.
    """
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    high: IntArray = (product + (1 << 30)) >> 31
    return np.minimum(high, (1 << 31) - 1, dtype=np.int64)


def rounding_divide_by_pot(x: IntArray, exponent: IntArray | int) -> IntArray:
    """x / 2**exponent, halves away from zero; exponent in [0, 31].

    Source: gemmlowp, fixedpoint.h.
    """
    x = np.asarray(x, np.int64)
    if isinstance(exponent, int) and exponent == 0:
        return x
    mask = (1 << exponent if isinstance(exponent, int) else np.int64(1) << exponent) - 1
    remainder = x & mask
    threshold = (mask >> 1) + (x < 0)
    return (x >> exponent) + (remainder > threshold)


def multiply_by_quantized_multiplier(
    x: IntArray, multiplier: IntArray | int, shift: IntArray | int
) -> IntArray:
    """x * multiplier * 2**(shift - 31), rounded twice; arguments broadcast.

    The left shift wraps to int32 like the C of the reference.
    Source: TensorFlow Lite, MultiplyByQuantizedMultiplier (kernels/internal/common.cc, the variant
    without TFLITE_SINGLE_ROUNDING).
    """
    if isinstance(shift, int):  # many small layers have one factor: what numpy is spared counts
        left: IntArray | int = max(shift, 0)
        right: IntArray | int = max(-shift, 0)
    else:
        left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    shifted = wrap_int32(np.asarray(x, np.int64) << left)
    return rounding_divide_by_pot(saturating_rounding_doubling_high_mul(shifted, multiplier), right)


def wrap_int32(x: IntArray) -> IntArray:
    """x reduced to int32 the way two's complement hardware does."""
    return np.asarray(x, np.int64).astype(np.int32).astype(np.int64)


WIDE_SUMS = 1 << 47  # sums of 64 bits that the reference rescales are below this


def wide_factor(multiplier: int, shift: int) -> tuple[int, int]:
    """Of a factor, the 15 bits and the right shift by which sums of 64 bits are rescaled.

    Source: TensorFlow Lite, MultiplyByQuantizedMultiplier for 64 bits (kernels/internal/common.cc).
    """
    return min(multiplier + (1 << 15) >> 16, 0x7FFF), 15 - shift


def multiply_wide(x: IntArray, multiplier: IntArray | int, right: IntArray | int) -> IntArray:
    """x * multiplier / 2**right, rounded once, halves up; arguments broadcast.

    ``|x| < WIDE_SUMS``; multiplier and right shift are a ``wide_factor``, so that products fit 64
    bits. A result beyond 32 bits wraps like the C of the reference.
    """
    right = np.asarray(right, np.int64)
    product = np.asarray(x, np.int64) * np.asarray(multiplier, np.int64)
    return wrap_int32((product + (np.int64(1) << (right - 1))) >> right)
