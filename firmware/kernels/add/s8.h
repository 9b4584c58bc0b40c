/* ADD and SUB, int8, with broadcasting.
 *
 *   scaled_k = requantise((input_k + input_k_offset) * 2^20, input_k_requant)
 *   output   = clamp(requantise(scaled_1 +- scaled_2, output_requant) + output_offset)
 *
 * Four nested loops of `count` steps write the output in order; in a step of loop i the position in
 * input k advances by step_k[i] elements (0 where it is broadcast). Loops that are not needed come
 * first and count 1.
 *
 * Input factors are at most 1/2, which is shift 0 (the larger of two scales always has it); all
 * others have negative shifts. So |sum| < 2^29. The output's shift is not positive.
 * The output may be an input of the same number of elements, in place.
 * Source of the arithmetic: TensorFlow Lite, reference_integer_ops::Add, reference_ops::Sub.
 */
#ifndef TML_ADD_S8_H
#define TML_ADD_S8_H

#include "tml_fixedpoint.h"

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

TML_KERNEL int32_t tml_add_scale(int32_t value, tml_requant requant)
{
    return requant.shift == 0
        ? value * (1 << 19)
        : tml_requantise_right(value * (1 << 20), requant.multiplier, requant.shift);
}

TML_KERNEL int32_t tml_add_output(const tml_add_params *params, int32_t sum)
{
    const tml_requant requant = params->output_requant;
    const int32_t scaled = requant.shift == 0
        ? tml_requantise(sum, requant.multiplier, 0)
        : tml_requantise_right(sum, requant.multiplier, requant.shift);
    return tml_clamp_to(scaled + params->output_offset, params->clamp.min, params->clamp.max);
}

TML_KERNEL void tml_add_or_subtract(const tml_add_params *params, const int8_t *input1,
                                    const int8_t *input2, int8_t *output, bool is_difference)
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
                    const int32_t scaled1 = tml_add_scale(value1, params->input1_requant);
                    const int32_t scaled2 = tml_add_scale(value2, params->input2_requant);
                    const int32_t sum = is_difference ? scaled1 - scaled2 : scaled1 + scaled2;
                    *output++ = (int8_t)tml_add_output(params, sum);
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

TML_KERNEL void tml_add_s8(const tml_add_params *params, const int8_t *input1,
                           const int8_t *input2, int8_t *output)
{
    tml_add_or_subtract(params, input1, input2, output, false);
}

TML_KERNEL void tml_sub_s8(const tml_add_params *params, const int8_t *input1,
                           const int8_t *input2, int8_t *output)
{
    tml_add_or_subtract(params, input1, input2, output, true);
}

#endif
