/* add_s8.h: ADD and SUB of equally many int8 elements, for cores without DSP instructions.
 *
 *   output = clamp((offset + input1 * factor1 + input2 * factor2) >> shift) to int8
 *
 * The linear form that tinyml/variants/dsp_elementwise.py finds and checks over all 65,536 pairs of
 * inputs, in plain C. Every partial sum fits 32 bits. The output may be one of the inputs, in place.
 * Instructions: 16 per element, 21 on Armv6-M.
 */
#ifndef TML_PORTABLE_ADD_S8_H
#define TML_PORTABLE_ADD_S8_H

#include "tml_fixedpoint.h"

typedef struct {
    int32_t count;
    int32_t factor1;
    int32_t factor2;
    int32_t offset;
    int32_t shift;
} tml_portable_add_params;

TML_KERNEL void tml_portable_add_s8(const tml_portable_add_params *params, const int8_t *input1,
                                    const int8_t *input2, int8_t *output)
{
    const int32_t factor1 = params->factor1, factor2 = params->factor2;
    TML_ROLLED
    for (int32_t i = 0; i < params->count; ++i) {
        const int32_t sum = params->offset + input1[i] * factor1 + input2[i] * factor2;
        output[i] = (int8_t)tml_clamp_to(sum >> params->shift, INT8_MIN, INT8_MAX);
    }
}

#endif
