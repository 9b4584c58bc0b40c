/* MUL, with broadcasting.
 *
 *   output = clamp(requantise((input1 + input1_offset) * (input2 + input2_offset), output_requant)
 *                  + output_offset)
 *
 * kernels/walks/broadcast_2.h says what count and steps are. Of int8 values output_requant.shift <= 15,
 * so that nothing overflows; of int16 values one product, of the lowest twice, may wrap. The output may
 * be an input of the same number of elements, in place.
 * Source of the arithmetic: TensorFlow Lite, reference_integer_ops::Mul.
 */
#ifndef TML_MUL_PARAMS_H
#define TML_MUL_PARAMS_H

#include "tml.h"

typedef struct {
    int32_t count[4];
    int32_t step1[4];
    int32_t step2[4];
    int32_t input1_offset;
    int32_t input2_offset;
    tml_requant output_requant;
    int32_t output_offset;
    tml_clamp clamp;
} tml_mul_params;

#endif
