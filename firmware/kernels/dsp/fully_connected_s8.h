/* FULLY_CONNECTED, int8, one row of inputs at a time; also a convolution with one output pixel.
 *
 *   output[row][i] = requantise(bias[i] + sum over k of input[row][k] * weight[i][k])
 *
 * A row is widened to int16 into `scratch`, then all outputs are computed over it, four at a time
 * (row_block.h). Outputs that do not fill a group of four go through a spare place.
 *
 * A row is read completely before its outputs are written. Any number of inputs and outputs.
 * Layouts: input [rows][in_features], output [rows][out_channels], weights as in row_block.h,
 * scratch: 2 bytes per input rounded up to 8 (and, with sums, 4 per output rounded up to 4).
 * Cost per row: about 60 + 6 * in_features / 4 + outputs / 4 * block.
 */
#ifndef TML_DSP_FULLY_CONNECTED_S8_H
#define TML_DSP_FULLY_CONNECTED_S8_H

#include "gemm_run.h"
#include "row_block.h"

typedef struct {
    int32_t rows;
    int32_t in_features;
    int32_t uniform_words;    /* 3 when M C n of all outputs stand before the weights, else 0 */
    tml_dsp_gemm_params gemm; /* groups of four; `loops`: words of widened inputs */
} tml_dsp_fully_connected_params;

/* The block of a form; only those that some layer uses become code. */
TML_KERNEL tml_dsp_row tml_dsp_row_of(int32_t form, int32_t shift, bool is_uniform)
{
    switch (form) {
    case TML_DSP_ROUNDING_FORM:
        return is_uniform ? tml_dsp_row_uniform_rounding : tml_dsp_row_rounding;
    case TML_DSP_SUMS_FORM:
        return tml_dsp_row_sums;
    case TML_DSP_WIDE_ROUNDING_FORM:
        return tml_dsp_row_wide_rounding;
    case TML_DSP_WIDE_SUMS_FORM:
        return tml_dsp_row_wide_sums;
    default:
        break;
    }
    if (is_uniform) {
        return tml_dsp_row_uniform;
    }
    switch (shift) {
    case 8:
        return tml_dsp_row_linear_8;
    case 9:
        return tml_dsp_row_linear_9;
    case 10:
        return tml_dsp_row_linear_10;
    case 12:
        return tml_dsp_row_linear_12;
    case 13:
        return tml_dsp_row_linear_13;
    default:
        return tml_dsp_row_linear_11;
    }
}

/* Widens one row, in the order of widen.h. */
TML_KERNEL void tml_dsp_widen_row(const int8_t *row, int32_t features, int32_t *widened)
{
    int32_t words = features >> 2;
    if (words > 0) {
        __asm__ volatile("1:\n\t"
                         "ldr r4, [%0], #4\n\t"
                         "subs %2, #1\n\t"
                         "sxtb16 r5, r4, ror #8\n\t"
                         "sxtb16 r4, r4\n\t"
                         "strd r4, r5, [%1], #8\n\t"
                         "bne 1b"
                         : "+r"(row), "+r"(widened), "+r"(words)
                         :
                         : "r4", "r5", "cc", "memory");
    }
    int16_t *to = (int16_t *)widened;
    for (int32_t i = 0; i < (features & 3); ++i) {
        to[i] = row[i];
    }
}

TML_DSP_SHARED void tml_dsp_fully_connected_run(const tml_dsp_fully_connected_params *params,
                                                const int8_t *input, const int32_t *weights,
                                                int8_t *output, int32_t *scratch, tml_dsp_row block,
                                                tml_dsp_rescale rescale)
{
    const tml_dsp_gemm_params *gemm = &params->gemm;
    const int32_t outputs = gemm->out_channels;
    tml_dsp_row_block run;
    run.inputs = scratch;
    run.entry = gemm->entry;
    run.inputs_end = scratch + gemm->loops;
    run.constants = weights;
    weights += params->uniform_words;

    TML_ROLLED
    for (int32_t row = 0; row < params->rows; ++row) {
        tml_dsp_widen_row(input, params->in_features, scratch);
        run.weights = weights;
        if (rescale != NULL) {
            run.output = scratch + gemm->sums;
            run.end = weights + gemm->group_words * ((outputs + 3) >> 2);
            block(&run);
            rescale(gemm, scratch + gemm->sums, weights, output, 1, 4);
        } else {
            run.output = output;
            run.end = weights + gemm->group_words * (outputs >> 2);
            if (outputs > 3) {
                block(&run);
            }
            if ((outputs & 3) != 0) {
                int32_t spare;
                run.output = &spare;
                run.weights = run.end;
                run.end += gemm->group_words;
                block(&run);
                for (int32_t i = 0; i < (outputs & 3); ++i) {
                    output[(outputs & ~3) + i] = ((const int8_t *)&spare)[i];
                }
            }
        }
        input += params->in_features;
        output += outputs;
    }
}

/* See the top of the file. */
TML_KERNEL void tml_dsp_fully_connected_s8(const tml_dsp_fully_connected_params *params,
                                           const int8_t *input, const int32_t *weights,
                                           int8_t *output, int32_t *scratch)
{
    tml_dsp_fully_connected_run(params, input, weights, output, scratch,
                                tml_dsp_row_of(params->gemm.form, params->gemm.shift,
                                               params->uniform_words > 0),
                                tml_dsp_rescale_of(&params->gemm));
}

#endif
