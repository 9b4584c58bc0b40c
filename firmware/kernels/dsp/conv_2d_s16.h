/* Convolution of int16 values and int8 weights: any filter, stride, dilation and padding; also
 * FULLY_CONNECTED of several rows.
 *
 *   output[y][x][filter] = rescale(bias[filter] + sum over window of input * weight)
 *
 * The windows of three output pixels are gathered side by side in `scratch`, then all filters run over
 * them (gemm_block_s16.h):
 *
 *   pixel 0: c0 c1 c2 c3 ...       word 0: (c0, c1) of pixel 0     word 3: (c2, c3) of pixel 0
 *   pixel 1: c0 c1 c2 c3 ...  ->   word 1: (c0, c1) of pixel 1     word 4: (c2, c3) of pixel 1
 *   pixel 2: c0 c1 c2 c3 ...       word 2: (c0, c1) of pixel 2     word 5: (c2, c3) of pixel 2
 *
 * Windows are as in conv_2d_s8.h, in bytes: segments of contiguous values; all their whole words come
 * first, then the odd values in pairs. A last half step is filled up by weights of 0, whatever the
 * memory holds. With padding, which is 0, windows lie in a band of padded rows (padded_rows.h),
 * otherwise in the input itself, whose rows need the alignment of int16_t only.
 *
 * Layouts: NHWC; weights as in gemm_block_s16.h in the order of the gathered taps; scratch: 6 bytes per
 * tap rounded up to 2 (long sums: 4), then the band.
 * Overlap: all rows under a band's windows are read before the band's outputs are written.
 * Cost per three pixels: 80, 6 per word of three windows, 12 per odd value, the blocks of the filters.
 */
#ifndef TML_DSP_CONV_2D_S16_H
#define TML_DSP_CONV_2D_S16_H

#include "conv_2d_s8.h"
#include "gemm_run_s16.h"

typedef struct {
    int32_t batches;
    tml_dsp_band_params band; /* of bytes */
    int32_t band_offset;      /* bytes from scratch to the band */
    tml_dsp_window_params window;
    tml_dsp_gemm_s16_params gemm;
} tml_dsp_conv_2d_s16_params;

typedef struct {
    int32_t pixels;
    int32_t in_channels;
    tml_dsp_gemm_s16_params gemm;
} tml_dsp_pointwise_s16_params;

/* Gathers the whole words of all segments. */
TML_DSP_SHARED void tml_dsp_gather_words_s16(const tml_dsp_windows *windows)
{
    __asm__ volatile("mov r0, %0\n\t"
                     "push {r4-r9, lr}\n\t"
                     "ldm r0, {r0-r6}\n"
                     "1:\n\t"
                     "mov lr, r5\n"
                     "2:\n\t"
                     "ldr r7, [r0], #4\n\t"
                     "ldr r8, [r1], #4\n\t"
                     "ldr r9, [r2], #4\n\t"
                     "subs lr, #1\n\t"
                     "stm r3!, {r7, r8, r9}\n\t"
                     "bne 2b\n\t"
                     "add r0, r6\n\t"
                     "add r1, r6\n\t"
                     "add r2, r6\n\t"
                     "subs r4, #1\n\t"
                     "bne 1b\n\t"
                     "pop {r4-r9, lr}\n\t"
                     :
                     : "r"(windows)
                     : "r0", "r1", "r2", "r3", "lr", "cc", "memory");
}

/* Gathers three windows in `gathered`: whole words of all segments, then odd values. */
TML_KERNEL void tml_dsp_gather_windows_s16(const tml_dsp_window_params *params,
                                           tml_dsp_windows *windows, int32_t *gathered)
{
    int32_t index = 0;
    windows->widened = gathered;
    if (windows->words > 0) {
        TML_ROLLED
        for (int32_t group = params->groups; group > 0; --group) {
            tml_dsp_gather_words_s16(windows);
            windows->widened += 3 * windows->words * windows->segments;
            if (params->groups > 1) {
                const int32_t move = group > 1 ? 1 : 1 - params->groups;
                for (int32_t i = 0; i < 3; ++i) {
                    windows->at[i] += move * params->group_pitch;
                }
            }
        }
    }
    if ((params->segment_bytes & 2) == 0) {
        return;
    }
    TML_ROLLED
    for (int32_t group = 0; group < params->groups; ++group) {
        int32_t offset = group * params->group_pitch + params->segment_bytes - 2;
        TML_ROLLED
        for (int32_t segment = windows->segments; segment > 0; --segment) {
            int16_t *to = tml_dsp_odd_byte(windows->widened, index++);
            for (int32_t i = 0; i < 3; ++i) {
                memcpy(&to[2 * i], windows->at[i] + offset, sizeof(int16_t));
            }
            offset += params->segment_step;
        }
    }
}

/* Outputs of `left` pixels whose windows start at `window`; returns the end of the outputs. */
TML_DSP_SHARED int16_t *tml_dsp_conv_pixels_s16(const tml_dsp_window_params *params,
                                                const tml_dsp_gemm_s16_params *filters,
                                                const int8_t *window, int32_t left,
                                                const int32_t *weights, int16_t *output,
                                                int32_t *gathered, tml_dsp_gemm gemm)
{
    int32_t column = params->out_columns;
    tml_dsp_windows windows;
    tml_dsp_block block;
    windows.segments = params->segments;
    windows.words = params->segment_bytes >> 2;
    windows.skip = params->segment_step - (params->segment_bytes & ~3);
    tml_dsp_gemm_prepare_s16(filters, gathered, weights, &block);

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
        tml_dsp_gather_windows_s16(params, &windows, gathered);
        tml_dsp_gemm_run_s16(filters, &block, output, left, gemm);
        output += (left < 3 ? left : 3) * filters->out_channels;
    }
    return output;
}

/* See the top of the file. */
TML_KERNEL void tml_dsp_conv_2d_s16(const tml_dsp_conv_2d_s16_params *params, const int16_t *input,
                                    const int32_t *weights, int16_t *output, int32_t *scratch)
{
    const tml_dsp_band_params *band = &params->band;
    const int8_t *image = (const int8_t *)input;
    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t y = 0; y < band->out_rows; y += band->at_once) {
            const int32_t left = band->out_rows - y;
            const int32_t rows = left < band->at_once ? left : band->at_once;
            const int8_t *windows =
                tml_dsp_band_at(band, y, image, (int8_t *)scratch + params->band_offset);
            output = tml_dsp_conv_pixels_s16(&params->window, &params->gemm, windows,
                                             rows * params->window.out_columns, weights, output,
                                             scratch, tml_dsp_gemm_s16_of(&params->gemm));
        }
        image += band->in_rows * band->in_row_bytes;
    }
}

/* 1x1 with stride 1: windows of one segment that lie side by side in the input. */
TML_KERNEL void tml_dsp_pointwise_s16(const tml_dsp_pointwise_s16_params *params,
                                      const int16_t *input, const int32_t *weights, int16_t *output,
                                      int32_t *scratch)
{
    const tml_dsp_window_params window = {
        .out_columns = params->pixels,
        .step_x = 2 * params->in_channels,
        .step_y = 0,
        .groups = 1,
        .group_pitch = 0,
        .segments = 1,
        .segment_bytes = 2 * params->in_channels,
        .segment_step = 2 * params->in_channels,
        .tail = 0,
        .tail_loops = 0,
        .tail_entry = 0,
    };
    tml_dsp_conv_pixels_s16(&window, &params->gemm, (const int8_t *)input, params->pixels, weights,
                            output, scratch, tml_dsp_gemm_s16_of(&params->gemm));
}

#endif
