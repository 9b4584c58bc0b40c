/* SELECT_V2, elements of any size, with broadcasting: output = condition ? input1 : input2.
 *
 * Five nested loops of `count` steps write the output in order; in a step of loop i the places in the
 * condition and in the inputs advance by step0[i], step1[i] and step2[i] bytes (0 where they are
 * broadcast). Loops that are not needed come first and count 1. The output may be an input, in place,
 * that has as many elements.
 */
#ifndef TML_SELECT_S8_H
#define TML_SELECT_S8_H

#include "tml.h"

typedef struct {
    int32_t count[5];
    int32_t step0[5];
    int32_t step1[5];
    int32_t step2[5];
    int32_t element_bytes;
} tml_select_params;

TML_KERNEL void tml_select_s8(const tml_select_params *params, const int8_t *condition,
                              const int8_t *input1, const int8_t *input2, int8_t *output)
{
    const int32_t total = params->count[0] * params->count[1] * params->count[2];
    for (int32_t outer = 0; outer < total; ++outer) {
        const int32_t i2 = outer % params->count[2];
        const int32_t i1 = outer / params->count[2] % params->count[1];
        const int32_t i0 = outer / params->count[2] / params->count[1];
        const int32_t at0 = i0 * params->step0[0] + i1 * params->step0[1] + i2 * params->step0[2];
        const int32_t at1 = i0 * params->step1[0] + i1 * params->step1[1] + i2 * params->step1[2];
        const int32_t at2 = i0 * params->step2[0] + i1 * params->step2[1] + i2 * params->step2[2];
        for (int32_t i3 = 0; i3 < params->count[3]; ++i3) {
            const int8_t *from0 = condition + at0 + i3 * params->step0[3];
            const int8_t *from1 = input1 + at1 + i3 * params->step1[3];
            const int8_t *from2 = input2 + at2 + i3 * params->step2[3];
            for (int32_t i4 = 0; i4 < params->count[4]; ++i4) {
                const int8_t *const from = *from0 ? from1 : from2;
                memmove(output, from, (size_t)params->element_bytes);
                output += params->element_bytes;
                from0 += params->step0[4];
                from1 += params->step1[4];
                from2 += params->step2[4];
            }
        }
    }
}

#endif
