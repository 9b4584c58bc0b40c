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
 * that narrow images waste nothing; one or two that are left over may have a block of their own
 * (gemm_tail.h).
 *
 * Layouts: NHWC; weights as in gemm_block.h in the order of the widened taps (tinyml's
 * stream_order); scratch: 6 bytes per tap rounded up to 4, sums, then the band.
 * Overlap: all rows under a band's windows are read before the band's outputs are written.
 * Cost per three pixels: 80, the widening (widen.h), filters / 2 * block.
 */
#ifndef TML_DSP_CONV_2D_S8_H
#define TML_DSP_CONV_2D_S8_H

#include "gemm_tail.h"
#include "padded_rows.h"
#include "widen.h"

typedef struct {
    int32_t out_columns;
    int32_t step_x;      /* bytes from window to window */
    int32_t step_y;      /* bytes from the end of a row of windows to the next */
    int32_t groups;      /* of segments: rows of the filter when columns are dilated, else 1 */
    int32_t group_pitch; /* bytes from group to group */
    int32_t segments;    /* in a group */
    int32_t segment_bytes;
    int32_t segment_step; /* bytes from segment to segment */
    int32_t tail;         /* pixels left over, where they have a block of their own; else 0 */
    uint32_t tail_loops;  /* of its tml_dsp_block */
    uint32_t tail_entry;
} tml_dsp_window_params;

typedef struct {
    int32_t batches;
    tml_dsp_band_params band;
    int32_t band_offset; /* bytes from scratch to the band */
    tml_dsp_window_params window;
    tml_dsp_gemm_params gemm;
} tml_dsp_conv_2d_params;

/* Widens three windows to `widened`: whole words of all segments, then odd bytes. */
TML_KERNEL void tml_dsp_widen_windows(const tml_dsp_window_params *params,
                                      tml_dsp_windows *windows, int32_t *widened)
{
    const int32_t odd = params->segment_bytes & 3;
    int32_t index = 0;
    windows->widened = widened;
    if (windows->words > 0) {
        TML_ROLLED
        for (int32_t group = params->groups; group > 0; --group) {
            tml_dsp_widen_words(windows);
            windows->widened += 6 * windows->words * windows->segments;
            if (params->groups > 1) {
                const int32_t move = group > 1 ? 1 : 1 - params->groups;
                for (int32_t i = 0; i < 3; ++i) {
                    windows->at[i] += move * params->group_pitch;
                }
            }
        }
    }
    if (odd == 0) {
        return;
    }
    TML_ROLLED
    for (int32_t group = 0; group < params->groups; ++group) {
        int32_t offset = group * params->group_pitch + (params->segment_bytes & ~3);
        TML_ROLLED
        for (int32_t segment = windows->segments; segment > 0; --segment) {
            TML_ROLLED
            for (int32_t i = 0; i < odd; ++i) {
                int16_t *to = tml_dsp_odd_byte(windows->widened, index++);
                to[0] = windows->at[0][offset + i];
                to[2] = windows->at[1][offset + i];
                to[4] = windows->at[2][offset + i];
            }
            offset += params->segment_step;
        }
    }
}

/* Outputs of `left` pixels whose windows start at `window`; returns the end of the outputs. */
TML_KERNEL int8_t *tml_dsp_conv_pixels(const tml_dsp_window_params *params,
                                       const tml_dsp_gemm_params *filters, const int8_t *window,
                                       int32_t left, const int32_t *weights, int8_t *output,
                                       int32_t *widened, tml_dsp_gemm gemm, tml_dsp_gemm tail,
                                       tml_dsp_rescale rescale)
{
    int32_t column = params->out_columns;
    tml_dsp_windows windows;
    tml_dsp_block block;
    windows.segments = params->segments;
    windows.words = params->segment_bytes >> 2;
    windows.skip = params->segment_step - (params->segment_bytes & ~3);
    tml_dsp_gemm_prepare(filters, widened, weights, &block);

    TML_ROLLED
    for (; left > 0; left -= 3) {
        for (int32_t i = 0; i < 3; ++i) {
            windows.at[i] = window;
            if (i + 1 < left) {
                window += params->step_x;
                if (--column == 0) {
                    column = params->out_columns;
                    window += params->step_y;
                }
            }
        }
        tml_dsp_widen_windows(params, &windows, widened);
        if (tail != NULL && left == params->tail) {
            block.loops = params->tail_loops;
            block.entry = params->tail_entry;
            gemm = tail;
        }
        tml_dsp_gemm_run(filters, &block, output, left, gemm, rescale);
        output += (left < 3 ? left : 3) * filters->out_channels;
    }
    return output;
}

TML_KERNEL void tml_dsp_conv_2d_body(const tml_dsp_conv_2d_params *params, const int8_t *input,
                                     const int32_t *weights, int8_t *output, int32_t *scratch,
                                     tml_dsp_gemm gemm, tml_dsp_gemm tail, tml_dsp_rescale rescale)
{
    const tml_dsp_band_params *band = &params->band;
    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t y = 0; y < band->out_rows; y += band->at_once) {
            const int32_t left = band->out_rows - y;
            const int32_t rows = left < band->at_once ? left : band->at_once;
            const int8_t *windows =
                tml_dsp_band_at(band, y, input, (int8_t *)scratch + params->band_offset);
            output = tml_dsp_conv_pixels(&params->window, &params->gemm, windows,
                                         rows * params->window.out_columns, weights, output,
                                         scratch, gemm, tail, rescale);
        }
        input += band->in_rows * band->in_row_bytes;
    }
}

TML_DSP_SHARED void tml_dsp_conv_2d_shared(const tml_dsp_conv_2d_params *params,
                                           const int8_t *input, const int32_t *weights,
                                           int8_t *output, int32_t *scratch, tml_dsp_gemm gemm,
                                           tml_dsp_gemm tail, tml_dsp_rescale rescale)
{
    tml_dsp_conv_2d_body(params, input, weights, output, scratch, gemm, tail, rescale);
}

/* See the top of the file. One body for all layers, where the block takes most of the time. */
TML_KERNEL void tml_dsp_conv_2d_s8(const tml_dsp_conv_2d_params *params, const int8_t *input,
                                   const int32_t *weights, int8_t *output, int32_t *scratch)
{
    tml_dsp_conv_2d_shared(params, input, weights, output, scratch,
                           tml_dsp_gemm_of(params->gemm.form, params->gemm.shift),
                           tml_dsp_tail_of(&params->gemm, params->window.tail),
                           tml_dsp_rescale_of(&params->gemm));
}

/* The same with a body of its own, for layers with few products per pixel. */
TML_KERNEL void tml_dsp_conv_2d_own_s8(const tml_dsp_conv_2d_params *params, const int8_t *input,
                                       const int32_t *weights, int8_t *output, int32_t *scratch)
{
    tml_dsp_conv_2d_body(params, input, weights, output, scratch,
                         tml_dsp_gemm_of(params->gemm.form, params->gemm.shift),
                         tml_dsp_tail_of(&params->gemm, params->window.tail),
                         tml_dsp_rescale_of(&params->gemm));
}

#endif
