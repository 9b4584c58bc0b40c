/* 1 / sqrt(x) of a positive integer as a multiplier and a shift, by five steps of Newton's method in Q3.28
 * from 1, as tinyml/ir/fixedmath.py has it.
 * Source: TensorFlow Lite, GetInvSqrtQuantizedMultiplierExp (kernels/internal/common.h).
 */
#ifndef TML_TYPES_INVERSE_ROOT_H
#define TML_TYPES_INVERSE_ROOT_H

#include "tml_fixedpoint.h"

/* x * 2^bits, saturated. */
TML_KERNEL int32_t tml_shift_left_saturated(int32_t x, int32_t bits)
{
    const int64_t wide = (int64_t)x * ((int64_t)1 << bits);
    return wide > INT32_MAX ? INT32_MAX : (wide < INT32_MIN ? INT32_MIN : (int32_t)wide);
}

/* 1 / sqrt(value); a value of 0 counts as 1. */
TML_KERNEL tml_requant tml_inverse_root(int32_t value)
{
    tml_requant found = {INT32_MAX, 0};
    if (value <= 1) {
        return found;
    }
    int32_t right = 11;
    while (value >= 1 << 29) {
        value /= 4;
        ++right;
    }
    while (value < 1 << 27) {
        value *= 4;
        --right;
    }
    const int32_t half = tml_rounding_shift_right(value >> 1, 1);
    int32_t x = 1 << 28;
    for (int32_t i = 0; i < 5; ++i) {
        const int32_t cube = tml_shift_left_saturated(tml_high_mul(tml_high_mul(x, x), x), 6);
        const int32_t three_halves = tml_high_mul((1 << 28) + (1 << 27), x);
        x = tml_shift_left_saturated(three_halves - tml_high_mul(half, cube), 3);
    }
    found.multiplier = tml_high_mul(x, 1518500250); /* sqrt(1/2) in Q0.31 */
    found.shift = -right;
    if (right < 0) {
        found.multiplier = (int32_t)((uint32_t)found.multiplier << -right);
        found.shift = 0;
    }
    return found;
}

#endif
