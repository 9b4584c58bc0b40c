/* MUL, int8, with broadcasting.
 *
 *   output = clamp(requantise((input1 + input1_offset) * (input2 + input2_offset), output_requant)
 *                  + output_offset)
 *
 * Four nested loops of `count` steps write the output in order; in a step of loop i the position in
 * input k advances by step_k[i] elements (0 where it is broadcast). Loops that are not needed come
 * first and count 1.
 *
 * output_requant.shift <= 15, so nothing overflows.
 * The output may be an input of the same number of elements, in place.
 * Source of the arithmetic: TensorFlow Lite, reference_integer_ops::Mul.
 */
#ifndef TML_MUL_S8_H
#define TML_MUL_S8_H

#include "tml_fixedpoint.h"

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

TML_KERNEL int32_t tml_mul_output(const tml_mul_params *params, int32_t product)
{
    const tml_requant requant = params->output_requant;
    const int32_t scaled = requant.shift < 0
        ? tml_requantise_right(product, requant.multiplier, requant.shift)
        : tml_requantise(product, requant.multiplier, requant.shift);
    return tml_clamp_to(scaled + params->output_offset, params->clamp.min, params->clamp.max);
}

TML_KERNEL void tml_mul_s8(const tml_mul_params *params, const int8_t *input1,
                           const int8_t *input2, int8_t *output)
{
    const int8_t *at1[4] = {input1, input1, input1, input1};
    const int8_t *at2[4] = {input2, input2, input2, input2};

    for (int32_t i0 = 0; i0 < params->count[0]; ++i0) {
        at1[1] = at1[0];
        at2[1] = at2[0];
        for (int32_t i1 = 0; i1 < params->count[1]; ++i1) {
            at1[2] = at1[1];
            at2[2] = at2[1];
            for (int32_t i2 = 0; i2 < params->count[2]; ++i2) {
                at1[3] = at1[2];
                at2[3] = at2[2];
                for (int32_t i3 = 0; i3 < params->count[3]; ++i3) {
                    const int32_t value1 = *at1[3] + params->input1_offset;
                    const int32_t value2 = *at2[3] + params->input2_offset;
                    *output++ = (int8_t)tml_mul_output(params, value1 * value2);
                    at1[3] += params->step1[3];
                    at2[3] += params->step2[3];
                }
                at1[2] += params->step1[2];
                at2[2] += params->step2[2];
            }
            at1[1] += params->step1[1];
            at2[1] += params->step2[1];
        }
        at1[0] += params->step1[0];
        at2[0] += params->step2[0];
    }
}

#endif
