/* int8 values and weights whose sums may leave 32 bits; types/type.h says how a type is included.
 *
 * Sums wrap, as those of 32 bits do in TFLM, and so does what is made of them. They are formed in 64 bits
 * and cut, since a signed sum must not overflow in C.
 */
#ifndef TML_TYPES_S8_WRAP_H
#define TML_TYPES_S8_WRAP_H

#include "kernels/types/s8.h"

typedef tml_value_s8 tml_value_s8_wrap;
typedef tml_wide_s8 tml_wide_s8_wrap;
typedef int64_t tml_sum_s8_wrap;
typedef tml_bias_s8 tml_bias_s8_wrap;
typedef tml_scaled_s8 tml_scaled_s8_wrap;
typedef tml_weights_s8 tml_weights_s8_wrap;
typedef tml_filters_s8 tml_filters_s8_wrap;

#define TML_WEIGHT_s8_wrap(weights, i) TML_WEIGHT_s8(weights, i)
#define TML_WEIGHTS_FROM_s8_wrap(weights, i) TML_WEIGHTS_FROM_s8(weights, i)
#define TML_NEXT_WEIGHT_s8_wrap(weights) TML_NEXT_WEIGHT_s8(weights)
#define TML_OPAQUE_WEIGHTS_s8_wrap(weights) TML_OPAQUE_WEIGHTS_s8(weights)
#define TML_FILTER_PARAMETERS_s8_wrap TML_FILTER_PARAMETERS_s8
#define TML_FILTERS_FROM_s8_wrap(i) TML_FILTERS_FROM_s8(i)
#define TML_MULTIPLIER_s8_wrap(filters, k) TML_MULTIPLIER_s8(filters, k)
#define TML_SHIFT_s8_wrap(filters, k) TML_SHIFT_s8(filters, k)

#define TML_FIRST_SUM_s8_wrap(bias) (bias)
#define TML_CENTRED_s8_wrap(value, offset) TML_CENTRED_s8(value, offset)
#define TML_MOVED_s8_wrap(scaled, offset) ((int32_t)((uint32_t)(scaled) + (uint32_t)(offset)))
#define TML_RESCALED_s8_wrap(sum, multiplier, shift, shifts_right) \
    TML_RESCALED_s8((int32_t)(uint32_t)(sum), multiplier, shift, shifts_right)
#define TML_CLAMPED_s8_wrap(value, clamp) TML_CLAMPED_s8(value, clamp)
#define TML_SATURATED_s8_wrap(value) TML_SATURATED_s8(value)

#endif
