/* mul_s8.h: MUL of equally many int8 elements, for Helium, four per vector.
 *
 *   output = clamp(requantise((input1 + input1_offset) * (input2 + input2_offset)) + output_offset)
 *
 * Rounded as rescale.h explains; -31 <= shift <= 0. The output may be one of the inputs, in place.
 * Instructions: 12 to 15 per four elements.
 */
#ifndef TML_MVE_MUL_S8_H
#define TML_MVE_MUL_S8_H

#include "kernels/mve/rescale.h"

typedef struct {
    int32_t count;
    int32_t input1_offset;
    int32_t input2_offset;
    tml_requant requant;
    tml_mve_rescale_params rescale;
} tml_mve_mul_params;

TML_KERNEL void tml_mve_mul_s8(const tml_mve_mul_params *params, const int8_t *input1,
                               const int8_t *input2, int8_t *output)
{
    const int32x4_t multiplier = vdupq_n_s32(params->requant.multiplier);
    const int32x4_t shift = vdupq_n_s32(params->requant.shift);
    TML_ROLLED
    for (int32_t rest = params->count; rest > 0; rest -= 4) {
        const mve_pred16_t lanes = vctp32q((uint32_t)rest);
        const int32x4_t x = vaddq_n_s32(vldrbq_z_s32(input1, lanes), params->input1_offset);
        const int32x4_t y = vaddq_n_s32(vldrbq_z_s32(input2, lanes), params->input2_offset);
        const int32x4_t scaled
            = tml_mve_rescale_by(&params->rescale, vmulq_s32(x, y), multiplier, shift);
        tml_mve_store_four(&params->rescale, scaled, output, (uint32_t)rest);
        input1 += 4;
        input2 += 4;
        output += 4;
    }
}

#endif
