/* rescale.h: sums to outputs for Helium, four channels per vector, sixteen outputs at once.
 *
 *   output = clamp(round(round(sum * multiplier / 2^31) * 2^shift) + output_offset)
 *   -31 <= shift <= 0
 *
 *   sums of channels   0  4  8 12 |  2  6 10 14 |  1  5  9 13 |  3  7 11 15     four vectors
 *   halves             0 2 4 6 8 10 12 14       |  1 3 5 7 9 11 13 15           VQMOVNB, VQMOVNT
 *   outputs            0 1 2 3 ... 15                                           and once more
 *
 * The first rounding is VQRDMULH exactly: halves go up, and the product cannot saturate because the
 * multiplier is not negative. The second, VRSHL, rounds halves up too; the reference rounds them
 * away from zero. So one is taken off negative values first (not where shift is 0), unless they end
 * at the lower bound anyway: `adds_sign` is false when clamp.min >= output_offset.
 * Narrowing saturates, so int8's own bounds need no further instruction.
 * Cost: 3 to 6 instructions per four channels with loading their constants, 10 per sixteen outputs.
 */
#ifndef TML_MVE_RESCALE_H
#define TML_MVE_RESCALE_H

#include "kernels/mve/copy.h"

typedef struct {
    bool adds_sign;
    int32_t output_offset;
    tml_clamp clamp;
} tml_mve_rescale_params;

/* Constants of four channels: bias, multiplier and shift of each. */
#define TML_MVE_SCALES 12

/* Rescaled sums, before the output's offset. */
TML_KERNEL int32x4_t tml_mve_rescale_by(const tml_mve_rescale_params *params, int32x4_t sums,
                                        int32x4_t multiplier, int32x4_t shift)
{
    int32x4_t high = vqrdmulhq_s32(sums, multiplier);
    if (params->adds_sign) {
        high = vaddq_s32(high, vshrq_n_s32(vandq_s32(high, shift), 31));
    }
    return vrshlq_s32(high, shift);
}

/* The same by the constants of four channels. The bias, which comes first, is not added here. */
TML_KERNEL int32x4_t tml_mve_rescale(const tml_mve_rescale_params *params, int32x4_t sums,
                                     const int32_t *scales)
{
    return tml_mve_rescale_by(params, sums, vldrwq_s32(scales + 4), vldrwq_s32(scales + 8));
}

/* Sixteen outputs of four rescaled vectors in the order above. */
TML_KERNEL int8x16_t tml_mve_narrow(const tml_mve_rescale_params *params, const int32x4_t *fours)
{
    int16x8_t even = vqmovntq_s32(vqmovnbq_s32(vuninitializedq_s16(), fours[0]), fours[1]);
    int16x8_t odd = vqmovntq_s32(vqmovnbq_s32(vuninitializedq_s16(), fours[2]), fours[3]);
    even = vqaddq_n_s16(even, (int16_t)params->output_offset);
    odd = vqaddq_n_s16(odd, (int16_t)params->output_offset);
    int8x16_t made = vqmovntq_s16(vqmovnbq_s16(vuninitializedq_s8(), even), odd);
    if (params->clamp.min > INT8_MIN) {
        made = vmaxq_s8(made, vdupq_n_s8((int8_t)params->clamp.min));
    }
    if (params->clamp.max < INT8_MAX) {
        made = vminq_s8(made, vdupq_n_s8((int8_t)params->clamp.max));
    }
    return made;
}

/* Stores the outputs of up to four channels in their order. */
TML_KERNEL void tml_mve_store_four(const tml_mve_rescale_params *params, int32x4_t four,
                                   int8_t *output, uint32_t count)
{
    four = vaddq_n_s32(four, params->output_offset);
    four = vmaxq_s32(four, vdupq_n_s32(params->clamp.min));
    four = vminq_s32(four, vdupq_n_s32(params->clamp.max));
    TML_MVE_KEEP_STORES;
    vstrbq_p_s32(output, four, vctp32q(count));
}

#endif
