/* SOFTMAX, int8, over the last dimension.
 *
 *   power  = exp[row maximum - input], 0 beyond the table       (Q0: 2^31 is one)
 *   sum    = sum of power / 2^12                                (Q12)
 *   output = power / sum * 256 - 128, at most 127
 *
 * with the roundings of gemmlowp's fixed-point arithmetic. `exp` holds exp(-d) for d = 0, 1, ...
 * exp_count - 1 and starts with the largest int32; depth <= 4095, so the sum fits.
 * The output may be the input, in place.
 * Source of the arithmetic: TensorFlow Lite, reference_ops::Softmax.
 */
#ifndef TML_SOFTMAX_S8_H
#define TML_SOFTMAX_S8_H

#include "tml_fixedpoint.h"

typedef struct {
    int32_t rows;
    int32_t depth;
    int32_t exp_count;
} tml_softmax_params;

/* A product of Q0 values that are not both the lowest. */
TML_KERNEL int32_t tml_softmax_mul(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

/* value / 2^shift, rounded, for value >= 0. */
TML_KERNEL uint32_t tml_softmax_shift_right(int32_t value, int32_t shift)
{
    return ((uint32_t)value + (UINT32_C(1) << (shift - 1))) >> shift;
}

/* 1 / (1 + x) for x in [0, 1), both Q0: three Newton-Raphson steps from 48/17 - 32/17 d, in Q2. */
TML_KERNEL int32_t tml_softmax_one_over_one_plus(int32_t x)
{
    const int32_t half = (int32_t)(((uint32_t)x + UINT32_C(0x80000000)) >> 1);
    int32_t y = 1515870810 + tml_softmax_mul(half, -1010580540);
    for (int32_t i = 0; i < 3; ++i) {
        const int32_t error = (1 << 29) - tml_softmax_mul(half, y);
        y += tml_softmax_mul(y, error) * 4;
    }
    return y >= (1 << 30) ? INT32_MAX : y * 2;
}

TML_KERNEL void tml_softmax_s8(const tml_softmax_params *params, const int8_t *input,
                               const int32_t *exp, int8_t *output)
{
    for (int32_t row = 0; row < params->rows; ++row) {
        int32_t max = input[0];
        for (int32_t i = 1; i < params->depth; ++i) {
            max = input[i] > max ? input[i] : max;
        }

        uint32_t sum = 0;
        for (int32_t i = 0; i < params->depth; ++i) {
            const int32_t distance = max - input[i];
            if (distance < params->exp_count) {
                sum += tml_softmax_shift_right(exp[distance], 12);
            }
        }

        /* sum >= 2^19, the maximum's own power; shifted left until bit 31 is its leading one. */
        const int32_t left = __builtin_clz((unsigned int)sum);
        const int32_t fraction = (int32_t)((sum << left) - UINT32_C(0x80000000));
        const int32_t scale = tml_softmax_one_over_one_plus(fraction);
        const int32_t shift = 12 - left + 31 - 8;

        for (int32_t i = 0; i < params->depth; ++i) {
            const int32_t distance = max - input[i];
            uint32_t units = 0;
            if (distance < params->exp_count && shift <= 31) {
                units = tml_softmax_shift_right(tml_softmax_mul(scale, exp[distance]), shift);
            }
            output[i] = (int8_t)(units > 255u ? 127 : (int32_t)units - 128);
        }
        input += params->depth;
        output += params->depth;
    }
}

#endif
