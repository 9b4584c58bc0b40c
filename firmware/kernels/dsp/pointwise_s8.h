/* 1x1 convolution, stride 1, and FULLY_CONNECTED of several rows, int8.
 *
 *   output[pixel][filter] = requantise(bias[filter] + sum over c of input[pixel][c] * weight)
 *
 * Three pixels at a time: widened into `scratch`, then all filters over them (gemm_block.h). At the
 * end one or two pixels stand in for the absent ones. Three pixels are read completely before their
 * outputs are written, so the output may start at the input when it has no more channels.
 *
 * Any number of channels and filters. An odd last filter is paired with zeros, into `spare`.
 * Layouts: input [pixels][in_channels], output [pixels][out_channels], weights as in gemm_block.h,
 * scratch: 6 bytes per channel rounded up to 4 (and, with sums, 12 per filter rounded up to 2).
 * Cost per three pixels: about 30 + 13 * in_channels / 4 + filters / 2 * block.
 */
#ifndef TML_DSP_POINTWISE_S8_H
#define TML_DSP_POINTWISE_S8_H

#include "gemm_run.h"
#include "widen.h"

typedef struct {
    int32_t pixels;
    int32_t in_channels;
    tml_dsp_gemm_params gemm;
} tml_dsp_pointwise_params;

TML_DSP_SHARED void tml_dsp_pointwise_run(const tml_dsp_pointwise_params *params,
                                          const int8_t *input, const int32_t *weights,
                                          int8_t *output, int32_t *scratch, tml_dsp_gemm gemm)
{
    const int32_t channels = params->in_channels;
    const int32_t words = channels >> 2;
    const int32_t whole = channels & ~3;

    for (int32_t left = params->pixels; left > 0; left -= 3) {
        const int8_t *pixel1 = left > 1 ? input + channels : input;
        const int8_t *pixel2 = left > 2 ? pixel1 + channels : pixel1;
        int32_t *end = scratch;
        if (words > 0) {
            end = tml_dsp_widen_words(input, pixel1, pixel2, words, end);
        }
        for (int32_t c = whole; c < channels; ++c) {
            tml_dsp_widen_byte(input[c], pixel1[c], pixel2[c], c - whole, end);
        }
        tml_dsp_gemm_run(&params->gemm, scratch, weights, output, left, gemm);
        input += 3 * channels;
        output += 3 * params->gemm.out_channels;
    }
}

/* See the top of the file. */
TML_KERNEL void tml_dsp_pointwise_s8(const tml_dsp_pointwise_params *params, const int8_t *input,
                                     const int32_t *weights, int8_t *output, int32_t *scratch)
{
    tml_dsp_pointwise_run(params, input, weights, output, scratch,
                          tml_dsp_gemm_of(params->gemm.form, params->gemm.shift));
}

#endif
