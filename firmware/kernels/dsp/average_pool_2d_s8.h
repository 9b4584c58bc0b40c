/* average_pool_2d_s8.h: AVERAGE_POOL_2D for Armv7E-M, four channels at a time (channel_sums.h).
 *
 * Contract and order of reads and writes as in kernels/average_pool_2d/s8.h; at least four
 * channels, windows of at most 256 pixels. When the channels are no multiple of four, the last four overlap
 * those before them.
 *
 * Instructions: 1.0 per element of a window whose rows are long, 1.5 when they have two or three;
 * 8 per output, 20 per four outputs and row.
 */
#ifndef TML_DSP_AVERAGE_POOL_2D_S8_H
#define TML_DSP_AVERAGE_POOL_2D_S8_H

#include "kernels/average_pool_2d/params.h"
#include "kernels/dsp/channel_sums.h"
#include "tml_fixedpoint.h"

TML_KERNEL void tml_dsp_average_pool_2d_s8(const tml_average_pool_2d_params *params,
                                           const int8_t *input, int8_t *output)
{
    const tml_window *width = &params->width;
    const int32_t channels = params->channels;
    const int32_t row_step = width->in * channels;

    for (int32_t batch = 0; batch < params->batches; ++batch) {
        for (int32_t out_y = 0; out_y < params->height.out; ++out_y) {
            const tml_taps rows = tml_taps_of(&params->height, out_y);
            for (int32_t out_x = 0; out_x < width->out; ++out_x) {
                const tml_taps columns = tml_taps_of(width, out_x);
                int32_t row_count = rows.end - rows.start;
                int32_t pixels = columns.end - columns.start;
                const int32_t count = row_count * pixels;
                const int32_t half = count / 2;
                const int8_t *corner = input + (rows.input + rows.start) * row_step
                    + (columns.input + columns.start) * channels;
                const bool is_whole = pixels == width->in; /* rows follow one another: one run */
                if (is_whole) {
                    pixels = count;
                    row_count = 1;
                }
                TML_ROLLED
                for (int32_t c = 0; c < channels; c += 4) {
                    const int32_t first = c + 4 <= channels ? c : channels - 4;
                    const int8_t *row = corner + first;
                    tml_channel_sums sums = {0, 0};
                    for (int32_t y = 0; y < row_count; ++y) {
                        if (is_whole || width->kernel >= 8) {
                            tml_channel_sums_add(&sums, row, channels, pixels);
                        } else {
                            for (int32_t i = 0; i < pixels; ++i) {
                                tml_channel_sums_pixel(&sums, row + i * channels);
                            }
                        }
                        row += row_step;
                    }
                    TML_UNROLLED
                    for (int32_t i = 0; i < 4; ++i) {
                        const int32_t sum = tml_channel_sums_of(&sums, i);
                        const int32_t average = (sum > 0 ? sum + half : sum - half) / count;
                        output[first + i]
                            = (int8_t)tml_clamp_to(average, params->clamp.min, params->clamp.max);
                    }
                }
                output += channels;
            }
        }
        input += params->height.in * row_step;
    }
}

#endif
