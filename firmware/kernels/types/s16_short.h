/* int16 values, int8 weights and biases of 64 bits whose sums fit 32 bits for every input, as the compiler
 * has proved; types/type.h says how a type is included.
 *
 * What s16.h computes, in a third of the instructions per product on cores of 32 bits.
 */
#ifndef TML_TYPES_S16_SHORT_H
#define TML_TYPES_S16_SHORT_H

#include "kernels/types/s16.h"

typedef tml_value_s16 tml_value_s16_short;
typedef tml_wide_s16 tml_wide_s16_short;
typedef int32_t tml_sum_s16_short;
typedef int32_t tml_bias_s16_short;
typedef int32_t tml_scaled_s16_short;
typedef tml_weights_s16 tml_weights_s16_short;

typedef struct {
    tml_weights_s16_short weights;
    const tml_bias_s16_short *bias;
    const int32_t *multiplier; /* of 15 bits; one element when !per_channel */
    const int8_t *shift;       /* to the right */
} tml_filters_s16_short;

#define TML_WEIGHT_s16_short(weights, i) TML_WEIGHT_s16(weights, i)
#define TML_WEIGHTS_FROM_s16_short(weights, i) TML_WEIGHTS_FROM_s16(weights, i)
#define TML_NEXT_WEIGHT_s16_short(weights) TML_NEXT_WEIGHT_s16(weights)
#define TML_OPAQUE_WEIGHTS_s16_short(weights) TML_OPAQUE_WEIGHTS_s16(weights)
#define TML_FILTER_PARAMETERS_s16_short TML_FILTER_PARAMETERS_s8
#define TML_FILTERS_FROM_s16_short(i) TML_FILTERS_FROM_s8(i)
#define TML_MULTIPLIER_s16_short(filters, k) TML_MULTIPLIER_s8(filters, k)
#define TML_SHIFT_s16_short(filters, k) TML_SHIFT_s8(filters, k)

#define TML_FIRST_SUM_s16_short(bias) (bias)
#define TML_CENTRED_s16_short(value, offset) TML_CENTRED_s16(value, offset)
#define TML_MOVED_s16_short(scaled, offset) TML_MOVED_s8(scaled, offset)
#define TML_RESCALED_s16_short(sum, multiplier, shift, shifts_right) \
    TML_RESCALED_s16(sum, multiplier, shift, shifts_right)
#define TML_CLAMPED_s16_short(value, clamp) TML_CLAMPED_s16(value, clamp)
#define TML_SATURATED_s16_short(value) TML_SATURATED_s16(value)

#endif
