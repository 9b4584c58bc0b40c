/* DIV, with broadcasting.
 *
 *   output = clamp(requantise(quotient, output_requant) + output_offset)
 *
 * of the quotient of (input_k + input_k_offset), which has as many bits as it can: the dividend is
 * shifted left by its leading sign bits and multiplied by the reciprocal of the divisor, and both are
 * taken back by the last shift. That is from 0 to 31 to the right: the shift of output_requant lies
 * between the bits of the greatest divisor and 23. A divisor of 0 counts as 1.
 * kernels/walks/broadcast_2.h says what count and steps are. The output may be an input of the same
 * number of elements, in place.
 * Source: TensorFlow Lite, reference_ops::DivElementwise, GetReciprocal.
 */
#ifndef TML_DIV_PARAMS_H
#define TML_DIV_PARAMS_H

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
} tml_div_params;

#endif
