/* Depthwise convolution of int16 values and int8 weights, one filter per channel: any filter, stride,
 * dilation and padding.
 *
 *   output[y][x][c] = rescale(bias[c] + sum over k_y, k_x of input[..][..][c] * weight[k_y][k_x][c])
 *
 * Two channels at a time are brought into lines of words (depthwise_pairs_s16.h), and the block of
 * depthwise_block_s16.h runs along them. A line is a row of the image or a column: whichever leaves
 * less over when outputs are taken four at a time. A channel without a partner, and lines of less than
 * four outputs, go through a spare place.
 *
 * Layouts: NHWC; weights as in depthwise_block_s16.h. Both images start at multiples of 4.
 * Overlap: in place, as the lines of a pair of channels are read before its outputs replace them.
 * Cost per pair of channels and line: 60, what brings it in, the blocks of the outputs.
 */
#ifndef TML_DSP_DEPTHWISE_CONV_2D_S16_H
#define TML_DSP_DEPTHWISE_CONV_2D_S16_H

#include "depthwise_block_s16.h"
#include "depthwise_pairs_s16.h"
#include "depthwise_plane.h"

#define TML_DSP_DW_OF(taps)                                                                    \
    if (params->form == TML_DSP_SHIFTED_S16_FORM) {                                            \
        return relu ? tml_dsp_depthwise_s16_##taps##_shifted_relu                              \
                    : tml_dsp_depthwise_s16_##taps##_shifted;                                  \
    }                                                                                          \
    return relu ? tml_dsp_depthwise_s16_##taps##_once_relu : tml_dsp_depthwise_s16_##taps##_once;

/* The block of a layer; only those that some layer uses become code. */
TML_KERNEL tml_dsp_depthwise_s16
tml_dsp_depthwise_s16_of(const tml_dsp_depthwise_conv_2d_s16_params *params)
{
    const bool relu = params->is_relu;
    if (params->taps == TML_DSP_SINGLE_TAPS) {
        TML_DSP_DW_OF(single)
    }
    if (params->taps == TML_DSP_NINE_TAPS) {
        if (params->stride == 1) {
            TML_DSP_DW_OF(nine_1)
        }
        TML_DSP_DW_OF(nine_2)
    }
    if (params->stride == 1) {
        TML_DSP_DW_OF(three_1)
    }
    TML_DSP_DW_OF(three_2)
}

/* The outputs of a line by way of a spare place, of one channel or two. */
TML_DSP_SHARED void tml_dsp_spare_line_s16(const tml_dsp_line_s16 *line, int32_t channels,
                                           tml_dsp_depthwise_s16 block)
{
    tml_dsp_line_s16 four = *line;
    int16_t spare[8];
    four.output = spare;
    four.out_step = 4;
    four.left = 4;
    char *output = (char *)line->output;
    TML_ROLLED
    for (int32_t left = line->left; left > 0; left -= 4) {
        block(&four);
        for (int32_t i = 0; i < 4 && i < left; ++i, output += line->out_step) {
            memcpy(output, &spare[2 * i], channels > 1 ? 4 : 2);
        }
        four.input += line->in_step; /* words of four outputs */
    }
}

/* See the top of the file. */
TML_KERNEL void tml_dsp_depthwise_conv_2d_s16(const tml_dsp_depthwise_conv_2d_s16_params *params,
                                              const int16_t *input, const int32_t *weights,
                                              int16_t *output, int32_t *scratch)
{
    const tml_dsp_depthwise_s16 block = tml_dsp_depthwise_s16_of(params);
    const int8_t *image = tml_plane_settle((const int8_t *)input, (int8_t *)output,
                                           params->in_bytes, params->out_bytes);
    char *made = (char *)output;
    tml_dsp_line_s16 run;
    run.out_step = params->out_step;
    run.in_step = 4 * params->stride;
    memset(scratch, 0, 4 * (size_t)(params->lines * params->pitch));

    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        run.weights = weights;
        TML_ROLLED
        for (int32_t c = 0; c < params->channels; c += 2) {
            const int32_t pair = c + 1 < params->channels ? 2 : 1;
            run.end = run.weights + 2 + params->chunk_words;
            TML_ROLLED
            for (int32_t line = 0; line < params->out_lines; ++line) {
                const int32_t within = line % params->band;
                if (within == 0) {
                    tml_dsp_load_pairs_s16(params, image + 2 * c, scratch, line, pair == 2);
                }
                run.output = made + 2 * c + line * params->out_line_step;
                run.input = scratch + within * params->line_stride * params->pitch;
                run.left = params->outs;
                if (pair == 2 && params->outs >= 4) {
                    block(&run);
                } else {
                    tml_dsp_spare_line_s16(&run, pair, block);
                }
            }
            run.weights += params->group_words;
        }
        image += params->in_bytes / params->batches;
        made += params->out_bytes / params->batches;
    }
    if (params->is_clamped) {
        tml_dsp_clamp_s16(output, params->out_bytes / 2, params->clamp);
    }
}

#endif
