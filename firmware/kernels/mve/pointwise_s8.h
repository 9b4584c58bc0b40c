/* pointwise_s8.h: 1x1 CONV_2D with stride 1, and FULLY_CONNECTED of several rows, for Helium.
 *
 * Two pixels at a time go through all filters (gemm.h), read in place when the channels are a
 * multiple of 16, else from scratch, so that nothing behind the input is touched. When the number
 * of pixels is odd the last one is computed twice.
 *
 * The output may chase the input: both pixels' inputs are needed until the last of their outputs is
 * written (read in place), or until the first is (from scratch). Scratch: 2 * 16 * blocks bytes.
 * Instructions per two pixels: that of gemm.h, and 10; with scratch 6 per 16 channels more.
 */
#ifndef TML_MVE_POINTWISE_S8_H
#define TML_MVE_POINTWISE_S8_H

#include "kernels/mve/copy.h"
#include "kernels/mve/gemm.h"

typedef struct {
    int32_t pixels;
    int32_t in_channels;
    tml_mve_gemm_params gemm;
} tml_mve_pointwise_params;

TML_KERNEL void tml_mve_pointwise_s8(const tml_mve_pointwise_params *params, const int8_t *input,
                                     const int8_t *weights, const int32_t *scales, int8_t *output,
                                     int8_t *scratch)
{
    const int32_t channels = params->in_channels;
    TML_ROLLED
    for (int32_t rest = params->pixels; rest > 0; rest -= 2) {
        const int32_t second = rest > 1 ? 1 : 0;
        const int8_t *x0 = input;
        const int8_t *x1 = input + second * channels;
        if (channels % 16 != 0) {
            tml_mve_copy(scratch, x0, channels);
            tml_mve_copy(scratch + 16 * params->gemm.blocks, x1, channels);
            x0 = scratch;
            x1 = scratch + 16 * params->gemm.blocks;
        }
        tml_mve_gemm(&params->gemm, x0, x1, weights, scales, output,
                     output + second * params->gemm.out_channels);
        input += 2 * channels;
        output += 2 * params->gemm.out_channels;
    }
}

/* The same for a number of channels that is a multiple of 16. */
TML_KERNEL void tml_mve_pointwise_direct_s8(const tml_mve_pointwise_params *params,
                                            const int8_t *input, const int8_t *weights,
                                            const int32_t *scales, int8_t *output)
{
    tml_mve_pointwise_s8(params, input, weights, scales, output, NULL);
}

#endif
