/* SQUARED_DIFFERENCE, int8, with broadcasting.
 *
 *   scaled_k = requantise((input_k + input_k_offset) * 2^7, input_k_requant)
 *   output   = clamp(requantise((scaled_1 - scaled_2)^2, output_requant) + output_offset)
 *
 * Loops and steps are those of ADD. Input factors are at most 1/2, so that the square stays below
 * 2^30; the output's shift is not positive. The output may be an input of the same number of
 * elements, in place. Source of the arithmetic: TensorFlow Lite Micro, SquaredDifference.
 */
#ifndef TML_SQUARED_DIFFERENCE_S8_H
#define TML_SQUARED_DIFFERENCE_S8_H

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
} tml_squared_difference_params;

TML_KERNEL int32_t tml_squared_difference_scale(int32_t value, tml_requant requant)
{
    return tml_requantise(value * (1 << 7), requant.multiplier, requant.shift);
}

TML_KERNEL int8_t tml_squared_difference_of(const tml_squared_difference_params *params,
                                            int32_t value1, int32_t value2)
{
    const int32_t difference
        = tml_squared_difference_scale(value1 + params->input1_offset, params->input1_requant)
        - tml_squared_difference_scale(value2 + params->input2_offset, params->input2_requant);
    const int32_t scaled = tml_requantise(difference * difference, params->output_requant.multiplier,
                                          params->output_requant.shift);
    return (int8_t)tml_clamp_to(scaled + params->output_offset, params->clamp.min,
                                params->clamp.max);
}

TML_KERNEL void tml_squared_difference_s8(const tml_squared_difference_params *params,
                                          const int8_t *input1, const int8_t *input2,
                                          int8_t *output)
{
    const int32_t *const count = params->count;
    const int32_t *const step1 = params->step1;
    const int32_t *const step2 = params->step2;
    for (int32_t i0 = 0; i0 < count[0]; ++i0) {
        for (int32_t i1 = 0; i1 < count[1]; ++i1) {
            for (int32_t i2 = 0; i2 < count[2]; ++i2) {
                const int8_t *at1 = input1 + i0 * step1[0] + i1 * step1[1] + i2 * step1[2];
                const int8_t *at2 = input2 + i0 * step2[0] + i1 * step2[1] + i2 * step2[2];
                TML_ROLLED
                for (int32_t i3 = 0; i3 < count[3]; ++i3) {
                    *output++ = tml_squared_difference_of(params, *at1, *at2);
                    at1 += step1[3];
                    at2 += step2[3];
                }
            }
        }
    }
}

#endif
