/* FULLY_CONNECTED of int16 values and int8 weights, one row of inputs at a time; also a convolution with
 * one output pixel.
 *
 *   output[row][i] = rescale(bias[i] + sum over k of input[row][k] * weight[i][k])
 *
 * All outputs are computed over a row as it stands in memory, four at a time, two with long sums
 * (row_block_s16.h). A row whose length is no multiple of four is copied into `scratch` before, so that
 * nothing behind it is read; what fills it up meets weights of 0. Outputs that do not fill a group go
 * through a spare place.
 *
 * Layouts: input [rows][in_features], output [rows][out_channels], weights as in row_block_s16.h,
 * scratch: 2 bytes per input rounded up to 4 where rows are copied.
 * Overlap: outputs of a row are written while it is read, unless it was copied.
 * Cost per row: 60, 5 per 8 inputs that are copied, the blocks of the outputs.
 */
#ifndef TML_DSP_FULLY_CONNECTED_S16_H
#define TML_DSP_FULLY_CONNECTED_S16_H

#include "gemm_run_s16.h"
#include "padded_rows.h"
#include "row_block_s16.h"

typedef struct {
    int32_t rows;
    int32_t in_features;
    tml_dsp_gemm_s16_params gemm;
} tml_dsp_fully_connected_s16_params;

/* The block of a form; only those that some layer uses become code. */
TML_KERNEL tml_dsp_row tml_dsp_row_s16_of(const tml_dsp_gemm_s16_params *params)
{
    const bool relu = params->is_relu;
    switch (params->form) {
    case TML_DSP_SHIFTED_S16_FORM:
        return relu ? tml_dsp_row_s16_shifted_relu : tml_dsp_row_s16_shifted;
    case TML_DSP_TWICE_S16_FORM:
        return relu ? tml_dsp_row_s16_twice_relu : tml_dsp_row_s16_twice;
    case TML_DSP_LONG_S16_FORM:
        return relu ? tml_dsp_row_s16_long_relu : tml_dsp_row_s16_long;
    default:
        return relu ? tml_dsp_row_s16_once_relu : tml_dsp_row_s16_once;
    }
}

TML_DSP_SHARED void tml_dsp_fully_connected_run_s16(
    const tml_dsp_fully_connected_s16_params *params, const int16_t *input, const int32_t *weights,
    int16_t *output, int32_t *scratch, tml_dsp_row block)
{
    const tml_dsp_gemm_s16_params *gemm = &params->gemm;
    const int32_t outputs = gemm->out_channels;
    const int32_t group = gemm->form == TML_DSP_LONG_S16_FORM ? 2 : 4;
    const int32_t left = outputs & (group - 1);
    tml_dsp_row_block run;
    run.entry = gemm->entry;
    run.constants = weights;

    TML_ROLLED
    for (int32_t row = 0; row < params->rows; ++row) {
        run.inputs = (const int32_t *)(const void *)input;
        if ((params->in_features & 3) != 0) {
            tml_dsp_copy((int8_t *)scratch, (const int8_t *)input, 2 * params->in_features);
            run.inputs = scratch;
        }
        run.inputs_end = run.inputs + gemm->loops;
        run.output = output;
        run.weights = weights;
        run.end = weights + gemm->group_words * (outputs / group);
        if (run.weights != run.end) {
            block(&run);
        }
        if (left != 0) {
            int16_t spare[4];
            run.output = spare;
            run.weights = run.end;
            run.end += gemm->group_words;
            block(&run);
            for (int32_t i = 0; i < left; ++i) {
                output[outputs - left + i] = spare[i];
            }
        }
        if (gemm->is_clamped) {
            tml_dsp_clamp_s16(output, outputs, gemm->clamp);
        }
        input += params->in_features;
        output += outputs;
    }
}

/* See the top of the file. */
TML_KERNEL void tml_dsp_fully_connected_s16(const tml_dsp_fully_connected_s16_params *params,
                                            const int16_t *input, const int32_t *weights,
                                            int16_t *output, int32_t *scratch)
{
    tml_dsp_fully_connected_run_s16(params, input, weights, output, scratch,
                                    tml_dsp_row_s16_of(&params->gemm));
}

#endif
