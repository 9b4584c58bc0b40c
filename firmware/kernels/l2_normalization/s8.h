/* L2_NORMALIZATION, int8: each row divided by the root of the sum of its squares, in units of 1/128.
 *
 * The inverse root is a multiplier and a shift, by five steps of Newton's method in Q3.28 from 1, as
 * tinyml/ir/fixedmath.py has it. Rows of at most 2^15 elements: the sum of squares fits 31 bits. The
 * output may be the input, in place.
 * Source: TensorFlow Lite, reference_integer_ops::L2Normalization, GetInvSqrtQuantizedMultiplierExp.
 */
#ifndef TML_L2_NORMALIZATION_S8_H
#define TML_L2_NORMALIZATION_S8_H

#include "tml_fixedpoint.h"

typedef struct {
    int32_t rows;
    int32_t depth;
    int32_t input_offset;
} tml_l2_normalization_params;

/* x * 2^bits, saturated. */
TML_KERNEL int32_t tml_l2_shift_left(int32_t x, int32_t bits)
{
    const int64_t wide = (int64_t)x * ((int64_t)1 << bits);
    return wide > INT32_MAX ? INT32_MAX : (wide < INT32_MIN ? INT32_MIN : (int32_t)wide);
}

/* 1 / sqrt(value); a value of 0 counts as 1. */
TML_KERNEL tml_requant tml_l2_inverse_root(int32_t value)
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
        const int32_t cube = tml_l2_shift_left(tml_high_mul(tml_high_mul(x, x), x), 6);
        const int32_t three_halves = tml_high_mul((1 << 28) + (1 << 27), x);
        x = tml_l2_shift_left(three_halves - tml_high_mul(half, cube), 3);
    }
    found.multiplier = tml_high_mul(x, 1518500250); /* sqrt(1/2) in Q0.31 */
    found.shift = -right;
    if (right < 0) {
        found.multiplier = (int32_t)((uint32_t)found.multiplier << -right);
        found.shift = 0;
    }
    return found;
}

TML_KERNEL void tml_l2_normalization_s8(const tml_l2_normalization_params *params,
                                        const int8_t *input, int8_t *output)
{
    for (int32_t row = 0; row < params->rows; ++row) {
        int32_t sum = 0;
        for (int32_t i = 0; i < params->depth; ++i) {
            const int32_t value = input[i] + params->input_offset;
            sum += value * value;
        }
        const tml_requant root = tml_l2_inverse_root(sum);
        for (int32_t i = 0; i < params->depth; ++i) {
            const int32_t value = input[i] + params->input_offset;
            const int32_t scaled = tml_requantise(value, root.multiplier, root.shift + 7);
            output[i] = (int8_t)tml_clamp_to(scaled, -128, 127);
        }
        input += params->depth;
        output += params->depth;
    }
}

#endif
