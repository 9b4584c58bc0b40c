/* TRANSPOSE_CONV, int8: any filter, stride and padding, as one small convolution per phase.
 *
 *   stride 2, filter 3x3:   a b c      Output pixels whose row and column have the same remainder by
 *                           d e f      the strides hear the same taps, of neighbouring inputs:
 *                           g h i      A: i g c a   B: h b   C: f d   D: e
 *   outputs   A B A B
 *             C D C D     Inputs between which zeros would have to be put do not come in; every
 *             A B A B     product counts. An output that no tap reaches has one with a weight of 0.
 *
 * A band of padded rows (padded_rows.h) moves down by one input row. Phases of one column remainder
 * share the windows of three input pixels that are widened (widen.h): all rows of the band, so many
 * columns as they need. A phase of one row remainder takes the rows that it needs of that, where they
 * are whole words; else all of them, with weights of 0. The outputs of three pixels lie `strides[1]`
 * pixels apart (gemm_run.h, forms without sums).
 *
 * `phases`: per column remainder where its first window starts in the band and the bytes of a row of
 * it, how many pixels there are; then per row remainder the words from the widened inputs to its own,
 * the passes over the block and the bytes of code that the first skips, the words of a group and
 * those from `weights` to its stream (gemm_block.h).
 * Layouts: NHWC; scratch: 6 bytes per widened tap, then the band. All rows under the band are read
 * before the outputs of its position are written.
 * Cost per three input pixels and column remainder: 80 and the widening, then 40 and the block per
 * row remainder.
 */
#ifndef TML_DSP_TRANSPOSE_CONV_S8_H
#define TML_DSP_TRANSPOSE_CONV_S8_H

#include "conv_2d_s8.h"

typedef struct {
    int32_t batches;
    tml_dsp_band_params band; /* one row of inputs at a time */
    int32_t band_offset;      /* bytes from scratch to the band */
    int32_t in_channels;
    int32_t out_rows;
    int32_t out_columns;
    int32_t strides[2];
    tml_dsp_gemm_params gemm;
} tml_dsp_transpose_conv_params;

/* The words of a phase in the table. */
enum { TML_DSP_COLUMN_WORDS = 3, TML_DSP_ROW_WORDS = 5 };

/* Widens the windows of up to three of `left` pixels. */
TML_KERNEL void tml_dsp_transpose_widen(const tml_dsp_transpose_conv_params *params,
                                        const int8_t *window, int32_t segment_bytes, int32_t left,
                                        int32_t *widened)
{
    const int32_t pitch = params->band.pitch, step = params->in_channels;
    const tml_dsp_window_params around = {
        .groups = 1, .segments = params->band.rows, .segment_bytes = segment_bytes,
        .segment_step = pitch};
    tml_dsp_windows windows;
    windows.at[0] = window;
    windows.at[1] = window + (left > 1 ? step : 0);
    windows.at[2] = windows.at[1] + (left > 2 ? step : 0);
    windows.segments = params->band.rows;
    windows.words = segment_bytes >> 2;
    windows.skip = pitch - (segment_bytes & ~3);
    tml_dsp_widen_windows(&around, &windows, widened);
}

/* Up to three of `left` pixels of each of `rows` row remainders, whose words follow in the table. */
TML_KERNEL void tml_dsp_transpose_rows(const tml_dsp_transpose_conv_params *params,
                                       const int32_t *phase, int32_t rows, int32_t left,
                                       const int32_t *weights, int8_t *output, int32_t *widened,
                                       tml_dsp_gemm gemm)
{
    const int32_t channels = params->gemm.out_channels;
    tml_dsp_gemm_params filters = params->gemm;
    TML_ROLLED
    for (; rows > 0; --rows) {
        tml_dsp_block block;
        filters.loops = (uint32_t)phase[1];
        filters.entry = (uint32_t)phase[2];
        filters.group_words = phase[3];
        tml_dsp_gemm_prepare(&filters, widened + phase[0], weights + phase[4], &block);
        block.second = params->strides[1] * channels;
        block.third = 2 * block.second;
        tml_dsp_gemm_run(&filters, &block, output, left, gemm, NULL);
        output += params->out_columns * channels;
        phase += TML_DSP_ROW_WORDS;
    }
}

/* The outputs of one row of inputs, which begin at `output`: `rows` rows of them. */
TML_KERNEL void tml_dsp_transpose_row(const tml_dsp_transpose_conv_params *params,
                                      const int8_t *band, int32_t rows, const int32_t *weights,
                                      const int32_t *phase, int8_t *output, int32_t *scratch,
                                      tml_dsp_gemm gemm)
{
    const int32_t channels = params->gemm.out_channels;
    TML_ROLLED
    for (int32_t column = 0; column < params->strides[1]; ++column) {
        const int8_t *window = band + phase[0];
        int8_t *to = output + column * channels;
        TML_ROLLED
        for (int32_t left = phase[2]; left > 0; left -= 3) {
            tml_dsp_transpose_widen(params, window, phase[1], left, scratch);
            tml_dsp_transpose_rows(params, phase + TML_DSP_COLUMN_WORDS, rows, left, weights, to,
                                   scratch, gemm);
            window += 3 * params->in_channels;
            to += 3 * params->strides[1] * channels;
        }
        phase += TML_DSP_COLUMN_WORDS + params->strides[0] * TML_DSP_ROW_WORDS;
    }
}

TML_KERNEL void tml_dsp_transpose_conv_s8(const tml_dsp_transpose_conv_params *params,
                                          const int8_t *input, const int32_t *weights,
                                          const int32_t *phases, int8_t *output, int32_t *scratch)
{
    const tml_dsp_band_params *band = &params->band;
    const tml_dsp_gemm gemm = tml_dsp_gemm_of(params->gemm.form, params->gemm.shift);
    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        int32_t left = params->out_rows;
        TML_ROLLED
        for (int32_t y = 0; y < band->out_rows; ++y) {
            const int8_t *windows
                = tml_dsp_band_at(band, y, input, (int8_t *)scratch + params->band_offset);
            const int32_t rows = left < params->strides[0] ? left : params->strides[0];
            tml_dsp_transpose_row(params, windows, rows, weights, phases, output, scratch, gemm);
            output += rows * params->out_columns * params->gemm.out_channels;
            left -= rows;
        }
        input += band->in_rows * band->in_row_bytes;
    }
}

#endif
