/* add_s8.h: ADD and SUB of equally many int8 elements, for Helium.
 *
 *   output = clamp8((offset + input1 * factor1 + input2 * factor2) >> shift)
 *
 * The reference rescales three times per element; the compiler seeks integers for which this linear
 * form gives the same, and checks all 65,536 pairs of inputs. Every partial sum fits 32 bits.
 *
 * Four elements per vector: loads widen, stores narrow. The output may be one of the inputs, in
 * place. Instructions: 10 per four elements.
 */
#ifndef TML_MVE_ADD_S8_H
#define TML_MVE_ADD_S8_H

#include "kernels/mve/copy.h"

typedef struct {
    int32_t count;
    int32_t factor1;
    int32_t factor2;
    int32_t offset;
    int32_t shift;
} tml_mve_add_params;

TML_KERNEL void tml_mve_add_s8(const tml_mve_add_params *params, const int8_t *input1,
                               const int8_t *input2, int8_t *output)
{
    TML_ROLLED
    for (int32_t rest = params->count; rest > 0; rest -= 4) {
        const mve_pred16_t lanes = vctp32q((uint32_t)rest);
        const int32x4_t x = vldrbq_z_s32(input1, lanes);
        const int32x4_t y = vldrbq_z_s32(input2, lanes);
        int32x4_t sum = vmulq_n_s32(x, params->factor1);
        sum = vmlaq_n_s32(sum, y, params->factor2);
        sum = vaddq_n_s32(sum, params->offset);
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
