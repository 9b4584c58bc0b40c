/* add_table_s8.h: ADD and SUB of equally many int8 elements, for cores without DSP instructions.
 *
 *   output = clamp((table[input2 + 128] + input1 * factor) >> shift) to int8
 *
 * For operands and scales for which no linear form (add_s8.h) is exact; tinyml/variants/dsp_add_table.py
 * finds the table and checks all 65,536 pairs of inputs. Every sum fits 32 bits. The output may be one of
 * the inputs, in place.
 * Instructions: 17 per element, 25 on Armv6-M.
 */
#ifndef TML_PORTABLE_ADD_TABLE_S8_H
#define TML_PORTABLE_ADD_TABLE_S8_H

#include "tml_fixedpoint.h"

typedef struct {
    int32_t count;
    int32_t factor;
    int32_t shift;
} tml_portable_add_table_params;

TML_KERNEL void tml_portable_add_table_s8(const tml_portable_add_table_params *params,
                                          const int8_t *input1, const int8_t *input2,
                                          const int32_t *table, int8_t *output)
{
    const int32_t *const middle = table + 128;
    const int32_t factor = params->factor;
    TML_ROLLED
    for (int32_t i = 0; i < params->count; ++i) {
        const int32_t sum = middle[input2[i]] + input1[i] * factor;
        output[i] = (int8_t)tml_clamp_to(sum >> params->shift, INT8_MIN, INT8_MAX);
    }
}

#endif
