/* 1x1 convolution with stride 1, and FULLY_CONNECTED of several rows, int8.
 *
 *   output[pixel][filter] = requantise(bias[filter] + sum over c of input[pixel][c] * weight)
 *
 * The general convolution (conv_2d_s8.h) with windows of one segment that lie side by side in the
 * input: the same code, from which the compiler strips the rest. Three pixels are read completely
 * before their outputs are written, so the output may start at the input when it has no more
 * channels.
 *
 * Layouts: input [pixels][in_channels], output [pixels][out_channels], weights as in gemm_block.h,
 * scratch: 6 bytes per channel rounded up to 4 (and, with sums, 12 per filter rounded up to 2).
 * Cost per three pixels: 90 + 13 per 4 channels + 12 per odd channel + filters / 2 * block.
 */
#ifndef TML_DSP_POINTWISE_S8_H
#define TML_DSP_POINTWISE_S8_H

#include "conv_2d_s8.h"

typedef struct {
    int32_t pixels;
    int32_t in_channels;
    tml_dsp_gemm_params gemm;
} tml_dsp_pointwise_params;

TML_KERNEL void tml_dsp_pointwise_body(const tml_dsp_pointwise_params *params, const int8_t *input,
                                       const int32_t *weights, int8_t *output, int32_t *scratch,
                                       tml_dsp_gemm gemm, tml_dsp_rescale rescale)
{
    const tml_dsp_window_params window = {
        .out_columns = params->pixels,
        .step_x = params->in_channels,
        .step_y = 0,
        .groups = 1,
        .group_pitch = 0,
        .segments = 1,
        .segment_bytes = params->in_channels,
        .segment_step = params->in_channels,
        .tail = 0,
        .tail_loops = 0,
        .tail_entry = 0,
    };
    tml_dsp_conv_pixels(&window, &params->gemm, input, params->pixels, weights, output, scratch,
                        gemm, NULL, rescale);
}

TML_DSP_SHARED void tml_dsp_pointwise_shared(const tml_dsp_pointwise_params *params,
                                             const int8_t *input, const int32_t *weights,
                                             int8_t *output, int32_t *scratch, tml_dsp_gemm gemm,
                                             tml_dsp_rescale rescale)
{
    tml_dsp_pointwise_body(params, input, weights, output, scratch, gemm, rescale);
}

/* See the top of the file. One body for all layers, where the block takes most of the time. */
TML_KERNEL void tml_dsp_pointwise_s8(const tml_dsp_pointwise_params *params, const int8_t *input,
                                     const int32_t *weights, int8_t *output, int32_t *scratch)
{
    tml_dsp_pointwise_shared(params, input, weights, output, scratch,
                             tml_dsp_gemm_of(params->gemm.form, params->gemm.shift),
                             tml_dsp_rescale_of(&params->gemm));
}

/* The same with a body of its own, for layers with few products per pixel. */
TML_KERNEL void tml_dsp_pointwise_own_s8(const tml_dsp_pointwise_params *params,
                                         const int8_t *input, const int32_t *weights,
                                         int8_t *output, int32_t *scratch)
{
    tml_dsp_pointwise_body(params, input, weights, output, scratch,
                           tml_dsp_gemm_of(params->gemm.form, params->gemm.shift),
                           tml_dsp_rescale_of(&params->gemm));
}

#endif
