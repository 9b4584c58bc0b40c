/* rescale_s16.h: sums of int16 values to outputs for Helium, four channels per vector.
 *
 *   output = clamp(VRSHL(VMULH(sum, M), -n))
 *
 * VMULH gives the upper word of the product, VRSHL adds half and shifts: together they round the quotient
 * of the reference once, halves up. Constants of four channels: bias, M and -n of each.
 * Cost: 7 instructions per four channels with loading their constants and storing.
 */
#ifndef TML_MVE_RESCALE_S16_H
#define TML_MVE_RESCALE_S16_H

#include "kernels/mve/rescale.h"

/* Stores the outputs of up to four channels. The bias is in the sums. */
TML_KERNEL void tml_mve_store_s16(tml_clamp clamp, int32x4_t sums, const int32_t *scales,
                                  int16_t *output, uint32_t count)
{
    int32x4_t made = vmulhq_s32(sums, vldrwq_s32(scales + 4));
    made = vrshlq_s32(made, vldrwq_s32(scales + 8));
    made = vmaxq_s32(made, vdupq_n_s32(clamp.min));
    made = vminq_s32(made, vdupq_n_s32(clamp.max));
    TML_MVE_KEEP_STORES;
    vstrhq_p_s32(output, made, vctp32q(count));
}

#endif
