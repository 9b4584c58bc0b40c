/* int16 values, int8 weights, summed in 64 bits with biases of 64 bits; types/type.h says how a type is
 * included.
 *
 * The zero points of weighted layers are 0. A sum is rescaled as tml_requantise_wide says.
 */
#ifndef TML_TYPES_S16_H
#define TML_TYPES_S16_H

#include "kernels/types/s8.h"

typedef int16_t tml_value_s16;
typedef int32_t tml_wide_s16;
typedef int64_t tml_sum_s16;
typedef int64_t tml_bias_s16;
typedef int32_t tml_scaled_s16;
typedef const int8_t *tml_weights_s16;

typedef struct {
    tml_weights_s16 weights;
    const tml_bias_s16 *bias;
    const int32_t *multiplier; /* of 15 bits; one element when !per_channel */
    const int8_t *shift;       /* to the right */
} tml_filters_s16;

#define TML_WEIGHT_s16(weights, i) TML_WEIGHT_s8(weights, i)
#define TML_WEIGHTS_FROM_s16(weights, i) TML_WEIGHTS_FROM_s8(weights, i)
#define TML_NEXT_WEIGHT_s16(weights) TML_NEXT_WEIGHT_s8(weights)
#define TML_OPAQUE_WEIGHTS_s16(weights) TML_OPAQUE_WEIGHTS_s8(weights)
#define TML_FILTER_PARAMETERS_s16 \
    const int8_t *weights, const int64_t *bias, const int32_t *multiplier, const int8_t *shift
#define TML_FILTERS_FROM_s16(i) TML_FILTERS_FROM_s8(i)
#define TML_MULTIPLIER_s16(filters, k) TML_MULTIPLIER_s8(filters, k)
#define TML_SHIFT_s16(filters, k) TML_SHIFT_s8(filters, k)

#define TML_FIRST_SUM_s16(bias) (bias)
#define TML_CENTRED_s16(value, offset) TML_CENTRED_s8(value, offset)
#define TML_MOVED_s16(scaled, offset) TML_MOVED_s8(scaled, offset)
#define TML_RESCALED_s16(sum, multiplier, shift, shifts_right) \
    tml_requantise_wide(sum, multiplier, shift)
#define TML_CLAMPED_s16(value, clamp) ((int16_t)tml_clamp_to(value, (clamp).min, (clamp).max))
#define TML_SATURATED_s16(value) ((int16_t)tml_clamp_to(value, INT16_MIN, INT16_MAX))

#endif
