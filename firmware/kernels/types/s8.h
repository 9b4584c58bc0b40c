/* int8 values and weights, summed in 32 bits.
 *
 * The names that every type has, each with the type's own ending; see type.h. A sum is rescaled as in
 * tml_fixedpoint.h, which is the only place that rounds.
 */
#ifndef TML_TYPES_S8_H
#define TML_TYPES_S8_H

#include "kernels/types/type.h"
#include "tml_fixedpoint.h"

typedef int8_t tml_value_s8; /* an element of an input or output */
typedef int32_t tml_wide_s8; /* one that is computed with */
typedef int32_t tml_sum_s8;  /* of products */
typedef int32_t tml_bias_s8;
typedef int32_t tml_scaled_s8;        /* a sum in units of the output */
typedef const int8_t *tml_weights_s8; /* a place among weights */

/* The constants of a layer's filters, or of some of them. */
typedef struct {
    tml_weights_s8 weights;
    const tml_bias_s8 *bias;
    const int32_t *multiplier; /* one element when !per_channel */
    const int8_t *shift;
} tml_filters_s8;

/* Weight number i from a place on; the place i weights further on; the next weight; TML_OPAQUE for a
 * place. These and those below are macros, so that code is what it would be if they were written out:
 * compilers choose other registers, and another order, for functions. */
#define TML_WEIGHT_s8(weights, i) ((weights)[i])
#define TML_WEIGHTS_FROM_s8(weights, i) ((weights) + (i))
#define TML_NEXT_WEIGHT_s8(weights) (*(weights)++)
#define TML_OPAQUE_WEIGHTS_s8(weights) TML_OPAQUE(weights)

/* What of a kernel's parameters are the constants of its filters, and those from a weight on. */
#define TML_FILTER_PARAMETERS_s8 \
    const int8_t *weights, const int32_t *bias, const int32_t *multiplier, const int8_t *shift
#define TML_FILTERS_FROM_s8(i) {weights + (i), bias, multiplier, shift}

/* What takes the sum of filter k to the units of the output. */
#define TML_MULTIPLIER_s8(filters, k) ((filters)->multiplier[k])
#define TML_SHIFT_s8(filters, k) ((filters)->shift[k])

/* What the sum of a filter begins with. */
#define TML_FIRST_SUM_s8(bias) (bias)

/* A value less its zero point, which `offset` takes away; a rescaled sum moved to the zero point. */
#define TML_CENTRED_s8(value, offset) ((value) + (offset))
#define TML_MOVED_s8(scaled, offset) ((scaled) + (offset))

/* A sum in units of the output; `shifts_right` says that tml_requantise_right is valid. */
#define TML_RESCALED_s8(sum, multiplier, shift, shifts_right) \
    ((shifts_right) ? tml_requantise_right(sum, multiplier, shift) \
                    : tml_requantise(sum, multiplier, shift))

/* An output between the bounds. */
#define TML_CLAMPED_s8(value, clamp) ((int8_t)tml_clamp_to(value, (clamp).min, (clamp).max))

/* The nearest value of the type. */
#define TML_SATURATED_s8(value) ((int8_t)tml_clamp_to(value, -128, 127))

#endif
