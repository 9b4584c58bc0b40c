/* add_table_s8.h: ADD and SUB of equally many int8 elements, for Helium: one operand by a table.
 *
 *   output = clamp8((table[input2 + 128] + input1 * factor) >> shift)
 *
 * For operands and scales for which no linear form (add_s8.h) is exact; the kernel for DSP instructions
 * (kernels/dsp/add_table_s8.h) says why. The compiler checks all 65,536 pairs of inputs.
 *
 * Four elements per vector: loads widen, four words of the table are gathered, stores narrow. The output
 * may be one of the inputs, in place. Instructions: 10 per four elements.
 */
#ifndef TML_MVE_ADD_TABLE_S8_H
#define TML_MVE_ADD_TABLE_S8_H

#include "kernels/mve/copy.h"

typedef struct {
    int32_t count;
    int32_t factor;
    int32_t shift;
} tml_mve_add_table_params;

TML_KERNEL void tml_mve_add_table_s8(const tml_mve_add_table_params *params, const int8_t *input1,
                                     const int8_t *input2, const int32_t *table, int8_t *output)
{
    TML_ROLLED
    for (int32_t rest = params->count; rest > 0; rest -= 4) {
        const mve_pred16_t lanes = vctp32q((uint32_t)rest);
        const int32x4_t x = vldrbq_z_s32(input1, lanes);
        const int32x4_t y = vldrbq_z_s32(input2, lanes);
        const uint32x4_t at = vreinterpretq_u32_s32(vaddq_n_s32(y, 128));
        int32x4_t sum = vldrwq_gather_shifted_offset_z_s32(table, at, lanes);
        sum = vmlaq_n_s32(sum, x, params->factor);
        sum = vshlq_r_s32(sum, -params->shift);
        sum = vmaxq_s32(sum, vdupq_n_s32(INT8_MIN));
        sum = vminq_s32(sum, vdupq_n_s32(INT8_MAX));
        TML_MVE_KEEP_STORES;
        vstrbq_p_s32(output, sum, lanes);
        input1 += 4;
        input2 += 4;
        output += 4;
    }
}

#endif
