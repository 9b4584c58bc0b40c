/* int16 values and int8 weights with biases of 32 bits; types/type.h says how a type is included.
 *
 * Sums are those of 32 bits, which wrap, and are rescaled as those of int8 values. They are formed in
 * 64 bits and cut, since a signed sum must not overflow in C.
 */
#ifndef TML_TYPES_S16_B32_H
#define TML_TYPES_S16_B32_H

#include "kernels/types/s16.h"

typedef tml_value_s16 tml_value_s16_b32;
typedef tml_wide_s16 tml_wide_s16_b32;
typedef int64_t tml_sum_s16_b32;
typedef int32_t tml_bias_s16_b32;
typedef int32_t tml_scaled_s16_b32;
typedef tml_weights_s16 tml_weights_s16_b32;

typedef struct {
    tml_weights_s16_b32 weights;
    const tml_bias_s16_b32 *bias;
    const int32_t *multiplier; /* one element when !per_channel */
    const int8_t *shift;
} tml_filters_s16_b32;

#define TML_WEIGHT_s16_b32(weights, i) TML_WEIGHT_s16(weights, i)
#define TML_WEIGHTS_FROM_s16_b32(weights, i) TML_WEIGHTS_FROM_s16(weights, i)
#define TML_NEXT_WEIGHT_s16_b32(weights) TML_NEXT_WEIGHT_s16(weights)
#define TML_OPAQUE_WEIGHTS_s16_b32(weights) TML_OPAQUE_WEIGHTS_s16(weights)
#define TML_FILTER_PARAMETERS_s16_b32 TML_FILTER_PARAMETERS_s8
#define TML_FILTERS_FROM_s16_b32(i) TML_FILTERS_FROM_s8(i)
#define TML_MULTIPLIER_s16_b32(filters, k) TML_MULTIPLIER_s8(filters, k)
#define TML_SHIFT_s16_b32(filters, k) TML_SHIFT_s8(filters, k)

#define TML_FIRST_SUM_s16_b32(bias) (bias)
#define TML_CENTRED_s16_b32(value, offset) TML_CENTRED_s16(value, offset)
#define TML_MOVED_s16_b32(scaled, offset) TML_MOVED_s8(scaled, offset)
#define TML_RESCALED_s16_b32(sum, multiplier, shift, shifts_right) \
    TML_RESCALED_s8((int32_t)(uint32_t)(sum), multiplier, shift, shifts_right)
#define TML_CLAMPED_s16_b32(value, clamp) TML_CLAMPED_s16(value, clamp)
#define TML_SATURATED_s16_b32(value) TML_SATURATED_s16(value)

#endif
