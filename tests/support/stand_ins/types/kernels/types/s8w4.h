/* int8 values, weights of 4 bits, two to a byte, the lower half first. Made for tests alone. */
#ifndef TML_TYPES_S8W4_H
#define TML_TYPES_S8W4_H

#include "kernels/types/s8.h"

typedef int8_t tml_value_s8w4;
typedef int32_t tml_wide_s8w4;
typedef int32_t tml_sum_s8w4;
typedef int32_t tml_bias_s8w4;
typedef int32_t tml_scaled_s8w4;

typedef struct {
    const uint8_t *bytes;
    int32_t at; /* in weights */
} tml_weights_s8w4;

typedef struct {
    tml_weights_s8w4 weights;
    const tml_sum_s8w4 *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} tml_filters_s8w4;

TML_KERNEL int32_t tml_weight_s8w4(tml_weights_s8w4 weights, int32_t i)
{
    const int32_t number = weights.at + i;
    const int32_t half = (weights.bytes[number >> 1] >> (4 * (number & 1))) & 15;
    return half - 2 * (half & 8);
}

TML_KERNEL tml_weights_s8w4 tml_weights_from_s8w4(tml_weights_s8w4 weights, int32_t i)
{
    weights.at += i;
    return weights;
}

#define TML_WEIGHT_s8w4(weights, i) tml_weight_s8w4(weights, i)
#define TML_WEIGHTS_FROM_s8w4(weights, i) tml_weights_from_s8w4(weights, i)
#define TML_OPAQUE_WEIGHTS_s8w4(weights) TML_OPAQUE((weights).at)
#define TML_FILTER_PARAMETERS_s8w4 \
    const uint8_t *weights, const int32_t *bias, const int32_t *multiplier, const int8_t *shift
#define TML_FILTERS_FROM_s8w4(i) {{weights, i}, bias, multiplier, shift}
#define TML_MULTIPLIER_s8w4(filters, k) TML_MULTIPLIER_s8(filters, k)
#define TML_SHIFT_s8w4(filters, k) TML_SHIFT_s8(filters, k)
#define TML_FIRST_SUM_s8w4(bias) (bias)
#define TML_CENTRED_s8w4(value, offset) TML_CENTRED_s8(value, offset)
#define TML_MOVED_s8w4(scaled, offset) TML_MOVED_s8(scaled, offset)
#define TML_CLAMPED_s8w4(value, clamp) TML_CLAMPED_s8(value, clamp)
#define TML_RESCALED_s8w4(sum, multiplier, shift, shifts_right) \
    TML_RESCALED_s8(sum, multiplier, shift, shifts_right)

#endif
