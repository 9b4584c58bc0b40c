/* SOFTMAX with int16 outputs, over the last dimension; s8.h has that of int8 values.
 *
 * Of int8 values: as s8.h, output = power / sum * 65536 - 32768, at most 32767. Of int16 values:
 *
 *   power  = exp of requantise(input - row maximum), in units of 10 / 65535    (2^15 is one)
 *   output = power / sum                                                       (2^15 is one)
 *
 * where exp and the reciprocal of the sum, which is brought to [1, 2) before, are interpolated in tables
 * of 513 entries, 512 steps apart. depth <= 65535, so that the sum fits. The output may be the input,
 * in place, and has the powers until the sum is known.
 * Source of the arithmetic: TensorFlow Lite, reference_ops::Softmax and ::SoftmaxInt16.
 */
#ifndef TML_SOFTMAX_S16_H
#define TML_SOFTMAX_S16_H

#include "kernels/softmax/s8.h"

typedef tml_softmax_params tml_softmax_s8_s16_params;

typedef struct {
    int32_t rows;
    int32_t depth;
    tml_requant requant;
} tml_softmax_s16_params;

TML_KERNEL void tml_softmax_s8_s16(const tml_softmax_s8_s16_params *params, const int8_t *input,
                                   const int32_t *exp, int16_t *output)
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
        const int32_t left = __builtin_clz((unsigned int)sum);
        const int32_t fraction = (int32_t)((sum << left) - UINT32_C(0x80000000));
        const int32_t scale = tml_softmax_one_over_one_plus(fraction);
        const int32_t shift = 12 - left + 31 - 16; /* from 15 to 27 */
        for (int32_t i = 0; i < params->depth; ++i) {
            const int32_t distance = max - input[i];
            uint32_t units = 0;
            if (distance < params->exp_count) {
                units = tml_softmax_shift_right(tml_softmax_mul(scale, exp[distance]), shift);
            }
            output[i] = (int16_t)(units > 65535u ? 32767 : (int32_t)units - 32768);
        }
        input += params->depth;
        output += params->depth;
    }
}

/* The table at a value of 16 bits, between its entries. */
TML_KERNEL int32_t tml_softmax_between(const int16_t *table, int32_t value)
{
    const int16_t *entry = table + 256 + (value >> 7);
    return entry[0] + (((entry[1] - entry[0]) * (value & 127) + 64) >> 7);
}

TML_KERNEL void tml_softmax_s16(const tml_softmax_s16_params *params, const int16_t *input,
                                const int16_t *exp, const int16_t *reciprocal, int16_t *output)
{
    for (int32_t row = 0; row < params->rows; ++row) {
        int32_t max = input[0];
        for (int32_t i = 1; i < params->depth; ++i) {
            max = input[i] > max ? input[i] : max;
        }
        int32_t sum = 0;
        for (int32_t i = 0; i < params->depth; ++i) {
            const int32_t below
                = tml_requantise(input[i] - max, params->requant.multiplier, params->requant.shift);
            const int32_t at = tml_clamp_to(below + 32767, INT16_MIN, INT16_MAX);
            output[i] = (int16_t)tml_softmax_between(exp, at);
            sum += output[i];
        }
        const int32_t left = __builtin_clz((unsigned int)sum) - 1;
        const int32_t unit = (int32_t)((((int64_t)sum << left) + (1 << 13)) >> 14);
        const int32_t at = tml_clamp_to(unit - (3 << 15), INT16_MIN, INT16_MAX);
        const int32_t scale = tml_softmax_between(reciprocal, at);
        const int32_t right = 30 - left;
        for (int32_t i = 0; i < params->depth; ++i) {
            const int32_t made = (output[i] * scale + (1 << (right - 1))) >> right;
            output[i] = (int16_t)tml_clamp_to(made, 0, INT16_MAX);
        }
        input += params->depth;
        output += params->depth;
    }
}

#endif
