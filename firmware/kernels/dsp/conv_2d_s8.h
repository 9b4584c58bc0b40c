/* Convolution, int8: any filter, stride, dilation and padding; 1x1 is where it is plainest. Also
 * FULLY_CONNECTED of several rows.
 *
 *   output[y][x][filter] = requantise(bias[filter] + sum over window of input * weight)
 *
 * The windows of three output pixels are widened side by side into `scratch` (the only expansion
 * there is), then all filters run over them (gemm_block.h). A window is
 * `segment_rows` times `segment_columns` runs of contiguous bytes: whole rows of the filter, or
 * single taps when columns are dilated. With padding, windows lie in a band of padded rows
 * (padded_rows.h), otherwise in the input itself. Pixels are counted through the rows of a band, so
 * that narrow images waste nothing.
 *
 * Layouts: NHWC; weights as in gemm_block.h in the order of the widened taps (tinyml's
 * stream_order); scratch: 6 bytes per tap rounded up to 4, sums, then the band.
 * Overlap: all rows under a band's windows are read before the band's outputs are written.
 * Cost per three pixels: 70 + 12 per segment + 13 per word + 9 per odd byte + filters / 2 * block.
 */
#ifndef TML_DSP_CONV_2D_S8_H
#define TML_DSP_CONV_2D_S8_H

#include "gemm_run.h"
#include "padded_rows.h"
#include "widen.h"

typedef struct {
    int32_t batches;
    tml_dsp_band_params band;
    int32_t band_offset;   /* bytes from scratch to the band */
    int32_t out_columns;
    int32_t step_x;        /* bytes from window to window */
    int32_t step_y;        /* bytes from the end of a row of windows to the next */
    int32_t segment_rows;
    int32_t segment_pitch; /* bytes */
    int32_t segment_columns;
    int32_t segment_step;  /* bytes */
    int32_t segment_bytes;
    tml_dsp_gemm_params gemm;
} tml_dsp_conv_2d_params;

/* Widens the windows that start at three places. */
TML_KERNEL void tml_dsp_widen_windows(const tml_dsp_conv_2d_params *params, const int8_t *const at[3],
                                      int32_t *widened)
{
    const int32_t words = params->segment_bytes >> 2;
    const int32_t whole = params->segment_bytes & ~3;
    for (int32_t pass = words > 0 ? 0 : 1; pass < 2; ++pass) {
        int32_t index = 0;
        if (pass == 1 && whole == params->segment_bytes) {
            break;
        }
        for (int32_t row = 0; row < params->segment_rows; ++row) {
            int32_t offset = row * params->segment_pitch;
            for (int32_t column = params->segment_columns; column > 0; --column) {
                const int8_t *p0 = at[0] + offset;
                const int8_t *p1 = at[1] + offset;
                const int8_t *p2 = at[2] + offset;
                if (pass == 0) {
                    widened = tml_dsp_widen_words(p0, p1, p2, words, widened);
                } else {
                    for (int32_t i = whole; i < params->segment_bytes; ++i) {
                        tml_dsp_widen_byte(p0[i], p1[i], p2[i], index++, widened);
                    }
                }
                offset += params->segment_step;
            }
        }
    }
}

/* Outputs of `left` pixels whose windows start at `window`; returns the end of the outputs. */
TML_KERNEL int8_t *tml_dsp_conv_pixels(const tml_dsp_conv_2d_params *params, const int8_t *window,
                                       int32_t left, const int32_t *weights, int8_t *output,
                                       int32_t *scratch, tml_dsp_gemm gemm)
{
    int32_t column = params->out_columns;
    int8_t *const end = output + left * params->gemm.out_channels;
    for (; left > 0; left -= 3) {
        const int8_t *at[3];
        for (int32_t i = 0; i < 3; ++i) {
            at[i] = window;
            if (i + 1 < left) {
                window += params->step_x;
                if (--column == 0) {
                    column = params->out_columns;
                    window += params->step_y;
                }
            }
        }
        tml_dsp_widen_windows(params, at, scratch);
        tml_dsp_gemm_run(&params->gemm, scratch, weights, output, left, gemm);
        output += 3 * params->gemm.out_channels;
    }
    return end;
}

TML_DSP_SHARED void tml_dsp_conv_2d_run(const tml_dsp_conv_2d_params *params, const int8_t *input,
                                        const int32_t *weights, int8_t *output, int32_t *scratch,
                                        tml_dsp_gemm gemm)
{
    const tml_dsp_band_params *band = &params->band;
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        for (int32_t y = 0; y < band->out_rows; y += band->at_once) {
            const int32_t left = band->out_rows - y;
            const int32_t rows = left < band->at_once ? left : band->at_once;
            const int8_t *windows =
                tml_dsp_band_at(band, y, input, (int8_t *)scratch + params->band_offset);
            output = tml_dsp_conv_pixels(params, windows, rows * params->out_columns, weights,
                                         output, scratch, gemm);
        }
        input += band->in_rows * band->in_row_bytes;
    }
}

/* See the top of the file. */
TML_KERNEL void tml_dsp_conv_2d_s8(const tml_dsp_conv_2d_params *params, const int8_t *input,
                                   const int32_t *weights, int8_t *output, int32_t *scratch)
{
    tml_dsp_conv_2d_run(params, input, weights, output, scratch,
                        tml_dsp_gemm_of(params->gemm.form, params->gemm.shift));
}

#endif
