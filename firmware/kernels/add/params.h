/* ADD and SUB, with broadcasting.
 *
 *   scaled_k = requantise((input_k + input_k_offset) * 2^headroom, input_k_requant)
 *   output   = clamp(requantise(scaled_1 +- scaled_2, output_requant) + output_offset)
 *
 * kernels/walks/broadcast_2.h says what count and steps are. The type says how much headroom it has.
 *
 * Input factors are at most 1/2, which is shift 0 (the larger of two scales always has it); all
 * others have negative shifts. So |sum| < 2^29, and below 2^31 of int16 values, whose zero points may be
 * anything. The output's shift is not positive.
 * The output may be an input of the same number of elements, in place.
 * Source of the arithmetic: TensorFlow Lite, reference_integer_ops::Add, reference_ops::Sub.
 */
#ifndef TML_ADD_PARAMS_H
#define TML_ADD_PARAMS_H

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
} tml_add_params;

#endif
