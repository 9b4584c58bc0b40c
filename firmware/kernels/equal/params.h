/* EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, LESS and LESS_EQUAL, with broadcasting: 1 where it is so.
 *
 * kernels/walks/broadcast_2.h says what count and steps are. Quantised values are compared as
 *
 *   requantise((input_k + input_k_offset) * 2^8, input_k_requant)
 *
 * whose shifts are not positive; others as they are, and the fields below the steps are 0.
 * The output may be an 8-bit input of the same number of elements, in place.
 * Source: TensorFlow Lite, reference_ops::ComparisonWithScaling.
 */
#ifndef TML_EQUAL_PARAMS_H
#define TML_EQUAL_PARAMS_H

#include "tml.h"

typedef struct {
    int32_t count[4];
    int32_t step1[4];
    int32_t step2[4];
    int32_t input1_offset;
    int32_t input2_offset;
    tml_requant input1_requant;
    tml_requant input2_requant;
} tml_equal_params;

#endif
