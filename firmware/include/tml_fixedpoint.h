/* tml_fixedpoint.h: the one rounding rule, identical to tinyml/ir/fixedpoint.py and to TensorFlow
 * Lite Micro's default, which rounds twice.
 */
#ifndef TML_FIXEDPOINT_H
#define TML_FIXEDPOINT_H

#include "tml.h"

/* round(a * b / 2^31), halves towards plus infinity; saturates for a = b = INT32_MIN.
 * Source: gemmlowp fixedpoint.h, SaturatingRoundingDoublingHighMul. */
TML_KERNEL int32_t tml_high_mul(int32_t a, int32_t b)
{
    if (a == INT32_MIN && b == INT32_MIN) {
        return INT32_MAX;
    }
    const int64_t product = (int64_t)a * b;
    /* gemmlowp divides by 2^31 towards zero after nudging by 2^30 (or 1 - 2^30 when negative). That
     * equals the arithmetic shift of product + 2^30: for negative products the nudge's extra 1
     * exactly makes up for the shift's rounding towards minus infinity. */
    return (int32_t)((product + (INT64_C(1) << 30)) >> 31);
}

/* x / 2^exponent, halves away from zero; 0 <= exponent <= 31. Source: gemmlowp, RoundingDivideByPOT. */
TML_KERNEL int32_t tml_rounding_shift_right(int32_t x, int32_t exponent)
{
    const int32_t mask = (int32_t)((UINT32_C(1) << exponent) - 1u);
    const int32_t remainder = x & mask;
    const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

/* x * multiplier * 2^(shift - 31), rounded twice; multiplier >= 0, -31 <= shift <= 30. The left shift
 * wraps. */
TML_KERNEL int32_t tml_requantise(int32_t x, int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    const int32_t shifted = (int32_t)((uint32_t)x << left);
    const int64_t product = (int64_t)shifted * multiplier; /* see tml_high_mul; cannot saturate */
    return tml_rounding_shift_right((int32_t)((product + (INT64_C(1) << 30)) >> 31), right);
}

/* The same for -31 <= shift <= -1 and |x| < 2^30: fewer instructions, no branch. */
TML_KERNEL int32_t tml_requantise_right(int32_t x, int32_t multiplier, int32_t shift)
{
    const int64_t product = (int64_t)(2 * x) * multiplier;
    const int32_t high = (int32_t)((product + (INT64_C(1) << 31)) >> 32);
    return (high + (INT32_C(1) << (-shift - 1)) + (high >> 31)) >> -shift;
}

TML_KERNEL int32_t tml_clamp_to(int32_t x, int32_t min, int32_t max)
{
    return x < min ? min : (x > max ? max : x);
}

#endif
