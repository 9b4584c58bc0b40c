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

/* The same for b >= 0, which cannot saturate. */
TML_KERNEL int32_t tml_high_mul_positive(int32_t a, int32_t b)
{
#if defined(__thumb__) && !defined(__thumb2__)
    /* No 32 x 32 -> 64 bit multiplication: halves of 16 bits, a = a1 * 2^16 + a0. With the nudge
     * in middle0, the sum is (a1 * b1 * 2^16 + middle0 + middle1) * 2^16 and less than 2^16 besides,
     * which is lost in the shift. Both middles fit 32 bits, their sum does not. */
    const int32_t a1 = a >> 16, b1 = b >> 16;
    const uint32_t a0 = (uint32_t)a & 0xFFFFu, b0 = (uint32_t)b & 0xFFFFu;
    const int32_t middle0 = a1 * (int32_t)b0 + (int32_t)((a0 * b0 >> 16) + (UINT32_C(1) << 14));
    const int32_t middle1 = (int32_t)(a0 * (uint32_t)b1);
    const int32_t half = (middle0 >> 1) + (middle1 >> 1) + (middle0 & middle1 & 1);
    return 2 * a1 * b1 + (half >> 14);
#else
    return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31); /* see tml_high_mul */
#endif
}

/* x * multiplier * 2^(shift - 31), rounded twice; multiplier >= 0, -31 <= shift <= 30. The left shift
 * wraps. */
TML_KERNEL int32_t tml_requantise(int32_t x, int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    const int32_t shifted = (int32_t)((uint32_t)x << left);
    return tml_rounding_shift_right(tml_high_mul_positive(shifted, multiplier), right);
}

/* The same for -31 <= shift <= -1 and |x| < 2^30: fewer instructions, no branch. */
TML_KERNEL int32_t tml_requantise_right(int32_t x, int32_t multiplier, int32_t shift)
{
#if defined(__thumb__) && !defined(__thumb2__)
    const int32_t high = tml_high_mul_positive(x, multiplier);
#else
    const int64_t product = (int64_t)(2 * x) * multiplier;
    const int32_t high = (int32_t)((product + (INT64_C(1) << 31)) >> 32);
#endif
    return (high + (INT32_C(1) << (-shift - 1)) + (high >> 31)) >> -shift;
}

/* x * multiplier / 2^shift, rounded once, halves up, cut to 32 bits; |x| < 2^47, 0 <= multiplier < 2^15,
 * 8 <= shift <= 46. Source: TensorFlow Lite, MultiplyByQuantizedMultiplier for 64 bits
 * (kernels/internal/common.cc), which makes multiplier and shift of a factor when it runs. */
TML_KERNEL int32_t tml_requantise_wide(int64_t x, int32_t multiplier, int32_t shift)
{
    return (int32_t)((x * multiplier + (INT64_C(1) << (shift - 1))) >> shift);
}

TML_KERNEL int32_t tml_clamp_to(int32_t x, int32_t min, int32_t max)
{
    return x < min ? min : (x > max ? max : x);
}

#endif
