/* SQUARED_DIFFERENCE, with broadcasting.
 *
 *   scaled_k = requantise((input_k + input_k_offset) * 2^headroom, input_k_requant)
 *   output   = clamp(requantise((scaled_1 - scaled_2)^2, output_requant) + output_offset)
 *
 * Loops and steps are those of kernels/walks/broadcast_2.h. Input factors are at most 1/2, so that the
 * square stays below 2^30; the output's shift is not positive. The output may be an input of the same
 * number of elements, in place. Source of the arithmetic: TensorFlow Lite Micro, SquaredDifference.
 */
#ifndef TML_SQUARED_DIFFERENCE_PARAMS_H
#define TML_SQUARED_DIFFERENCE_PARAMS_H

#include "tml.h"

typedef struct {
    int32_t count[4];
    int32_t step1[4];
    int32_t step2[4];
    int32_t input1_offset;
    int32_t input2_offset;
    tml_requant input1_requant;
    tml_requant input2_requant;
    tml_requant output_requant;
    int32_t output_offset;
    tml_clamp clamp;
} tml_squared_difference_params;

#endif
