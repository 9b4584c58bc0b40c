/* fully_connected_s8.h: FULLY_CONNECTED of one row for Helium, four outputs at a time.
 *
 * Inputs are copied to scratch once, so that nothing behind them is touched. Weights and constants
 * are packed as gemm.h says, the fours all in plain order. One row leaves no input to share between
 * weights but the one in a register: 9 instructions per 64 products, and 1 or 2 to count.
 *
 * Scratch: 16 * blocks bytes. The output may take the place of the input.
 */
#ifndef TML_MVE_FULLY_CONNECTED_S8_H
#define TML_MVE_FULLY_CONNECTED_S8_H

#include "kernels/mve/copy.h"
#include "kernels/mve/gemm.h"

typedef struct {
    int32_t in_features;
    tml_mve_gemm_params gemm;
} tml_mve_fully_connected_params;

TML_KERNEL void tml_mve_fully_connected_s8(const tml_mve_fully_connected_params *params,
                                           const int8_t *input, const int8_t *weights,
                                           const int32_t *scales, int8_t *output, int8_t *scratch)
{
    const tml_mve_rescale_params *rescale = &params->gemm.rescale;
    tml_mve_copy(scratch, input, params->in_features);
    TML_ROLLED
    for (int32_t rest = params->gemm.out_channels; rest > 0; rest -= 4) {
        const int8_t *x = scratch;
        int32_t sum0 = 0;
        int32_t sum1 = 0;
        int32_t sum2 = 0;
        int32_t sum3 = 0;
        for (int32_t block = params->gemm.blocks; block > 0; --block) {
            const int8x16_t inputs = vldrbq_s8(x);
            sum0 = vmladavaq_s8(sum0, inputs, vldrbq_s8(weights));
            sum1 = vmladavaq_s8(sum1, inputs, vldrbq_s8(weights + 16));
            sum2 = vmladavaq_s8(sum2, inputs, vldrbq_s8(weights + 32));
            sum3 = vmladavaq_s8(sum3, inputs, vldrbq_s8(weights + 48));
            weights += 64;
            x += 16;
        }
        const int32x4_t sums
            = vaddq_s32(tml_mve_vector(sum0, sum1, sum2, sum3), vldrwq_s32(scales));
        tml_mve_store_four(rescale, tml_mve_rescale(rescale, sums, scales), output,
                           (uint32_t)rest);
        scales += TML_MVE_SCALES;
        output += 4;
    }
}

#endif
