/* FULLY_CONNECTED of one row of int16 values and int8 weights for Helium, four outputs at a time.
 *
 * Inputs are copied to scratch once, so that nothing behind them is touched. Weights and constants are
 * packed as conv_2d_s16.h says. 9 instructions per 32 products, and 1 or 2 to count.
 *
 * Scratch: 16 * blocks bytes, a block being 8 inputs. The output may take the place of the input.
 */
#ifndef TML_MVE_FULLY_CONNECTED_S16_H
#define TML_MVE_FULLY_CONNECTED_S16_H

#include "kernels/mve/gemm.h"
#include "kernels/mve/rescale_s16.h"

typedef struct {
    int32_t in_features;
    int32_t blocks;
    int32_t out_channels;
    tml_clamp clamp;
} tml_mve_fully_connected_s16_params;

TML_KERNEL void tml_mve_fully_connected_s16(const tml_mve_fully_connected_s16_params *params,
                                            const int16_t *input, const int8_t *weights,
                                            const int32_t *scales, int16_t *output, int8_t *scratch)
{
    tml_mve_copy(scratch, (const int8_t *)input, 2 * params->in_features);
    TML_ROLLED
    for (int32_t rest = params->out_channels; rest > 0; rest -= 4) {
        const int16_t *x = (const int16_t *)(const void *)scratch;
        int32_t sum0 = 0;
        int32_t sum1 = 0;
        int32_t sum2 = 0;
        int32_t sum3 = 0;
        for (int32_t block = params->blocks; block > 0; --block) {
            const int16x8_t inputs = vldrhq_s16(x);
            sum0 = vmladavaq_s16(sum0, inputs, vldrbq_s16(weights));
            sum1 = vmladavaq_s16(sum1, inputs, vldrbq_s16(weights + 8));
            sum2 = vmladavaq_s16(sum2, inputs, vldrbq_s16(weights + 16));
            sum3 = vmladavaq_s16(sum3, inputs, vldrbq_s16(weights + 24));
            weights += 32;
            x += 8;
        }
        const int32x4_t sums
            = vaddq_s32(tml_mve_vector(sum0, sum1, sum2, sum3), vldrwq_s32(scales));
        tml_mve_store_s16(params->clamp, sums, scales, output, (uint32_t)rest);
        scales += TML_MVE_SCALES;
        output += 4;
    }
}

#endif
