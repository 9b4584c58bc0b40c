/* ADD and SUB of equally many int16 elements with zero points of 0, for Helium, four at a time.
 *
 * What kernels/add/params.h says, operand by operand: VQRDMULH makes the doubling high product of the
 * reference, VRSHL its rounding shift (rescale.h). With zero points of 0 no sum exceeds 30 bits.
 *
 * The output may be one of the inputs, in place.
 * Instructions: 22 per four elements.
 */
#ifndef TML_MVE_ADD_S16_H
#define TML_MVE_ADD_S16_H

#include "kernels/mve/rescale.h"

typedef struct {
    int32_t count;
    bool is_difference;
    tml_requant input1; /* shifts are not positive */
    tml_requant input2;
    tml_requant output;
    tml_clamp clamp;
} tml_mve_add_s16_params;

TML_KERNEL int32x4_t tml_mve_requantise(tml_requant requant, int32x4_t values)
{
    const tml_mve_rescale_params exact = {true, 0, {INT32_MIN, INT32_MAX}};
    return tml_mve_rescale_by(&exact, values, vdupq_n_s32(requant.multiplier),
                              vdupq_n_s32(requant.shift));
}

TML_KERNEL void tml_mve_add_s16(const tml_mve_add_s16_params *params, const int16_t *input1,
                                const int16_t *input2, int16_t *output)
{
    TML_ROLLED
    for (int32_t rest = params->count; rest > 0; rest -= 4) {
        const mve_pred16_t lanes = vctp32q((uint32_t)rest);
        const int32x4_t x = vshlq_n_s32(vldrhq_z_s32(input1, lanes), 15);
        const int32x4_t y = vshlq_n_s32(vldrhq_z_s32(input2, lanes), 15);
        const int32x4_t scaled1 = tml_mve_requantise(params->input1, x);
        const int32x4_t scaled2 = tml_mve_requantise(params->input2, y);
        int32x4_t made = params->is_difference ? vsubq_s32(scaled1, scaled2)
                                               : vaddq_s32(scaled1, scaled2);
        made = tml_mve_requantise(params->output, made);
        made = vmaxq_s32(made, vdupq_n_s32(params->clamp.min));
        made = vminq_s32(made, vdupq_n_s32(params->clamp.max));
        TML_MVE_KEEP_STORES;
        vstrhq_p_s32(output, made, lanes);
        input1 += 4;
        input2 += 4;
        output += 4;
    }
}

#endif
