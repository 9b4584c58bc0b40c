/* average_window_s8.h: AVERAGE_POOL_2D over small windows for Armv7E-M, without divisions per output.
 *
 * Four channels are summed as in channel_sums.h, windows inside the image in straight code. A sum
 * becomes an average by one multiplication (SMLAWB, SMLAWT) that leaves it in the upper half:
 *
 *   upper half of (sum * 2^16 / count + 2^15 [+ 2^15 / count])      = floor((sum + half) / count)
 *
 *   even  c2 : c0  --smlaw-->  a2.....  a0.....  --pkhtb-->  a2 : a0  \
 *                                                                      a3 a2 a1 a0  --> str
 *   odd   c3 : c1  --smlaw-->  a3.....  a1.....  --pkhtb-->  a3 : a1  /
 *
 * An odd count has its nearest sums half a step (2^15 / count) from a border; an even one has sums on
 * borders and gets half a step more. The factor's error and what is cut off stay below 2 of 65,536,
 * so that no sum crosses over (tests/unit/test_window_averages.py tries all). Halves go away from
 * zero: of even counts one is taken from sums below zero.
 *
 * Contract and order of reads and writes as in kernels/average_pool_2d/params.h; at least four
 * channels (the last four overlap those before them when they are no multiple of four), windows of 3
 * to 255 pixels. Where fewer than three pixels are inside the image, they are divided.
 *
 * Instructions per output: 0.75 per pixel of the window and 5, 1.5 more when their count is even; 30
 * per output pixel, 20 more per output at the edges of the image.
 */
#ifndef TML_DSP_AVERAGE_WINDOW_S8_H
#define TML_DSP_AVERAGE_WINDOW_S8_H

#include "kernels/average_pool_2d/params.h"
#include "kernels/dsp/channel_sums.h"
#include "tml_fixedpoint.h"

/* How sums of so many pixels become averages. */
typedef struct {
    int32_t count;
    int32_t factor; /* 2^32 / count; 0 where it has no room */
    int32_t offset;
} tml_average_of;

TML_KERNEL tml_average_of tml_average_of_count(int32_t count)
{
    tml_average_of made = {count, 0, 0};
    if (count >= 3) {
        made.factor = (int32_t)(UINT32_MAX / (uint32_t)count);
        made.offset = (1 << 15) + ((count & 1) != 0 ? 0 : (1 << 15) / count);
    }
    return made;
}

/* The averages of two channels, each in a half. */
TML_KERNEL uint32_t tml_average_two(uint32_t sums, const tml_average_of *of)
{
    uint32_t low, high;
    if ((of->count & 1) == 0) {
        uint32_t below;
        __asm__("sadd16 %0, %1, %2\n\t"
                "sel %0, %2, %3"
                : "=&r"(below)
                : "r"(sums), "r"(0), "r"(0xFFFFFFFFu)
                : "cc");
        __asm__("sadd16 %0, %0, %1" : "+r"(sums) : "r"(below) : "cc");
    }
    __asm__("smlawb %0, %1, %2, %3" : "=r"(low) : "r"(of->factor), "r"(sums), "r"(of->offset));
    __asm__("smlawt %0, %1, %2, %3" : "=r"(high) : "r"(of->factor), "r"(sums), "r"(of->offset));
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(low) : "r"(high), "r"(low));
    return low;
}

TML_KERNEL int8_t tml_average_cut(int32_t average, const tml_clamp *clamp)
{
    return (int8_t)tml_clamp_to(average, clamp->min, clamp->max);
}

TML_KERNEL void tml_average_four(const tml_channel_sums *sums, const tml_average_of *of,
                                 const tml_clamp *clamp, int8_t *output)
{
    if (of->factor == 0) {
        TML_UNROLLED
        for (int32_t i = 0; i < 4; ++i) {
            const int32_t sum = tml_channel_sums_of(sums, i);
            const int32_t half = of->count / 2;
            output[i] = tml_average_cut((sum > 0 ? sum + half : sum - half) / of->count, clamp);
        }
        return;
    }
    const uint32_t even = tml_average_two(sums->even, of);
    const uint32_t odd = tml_average_two(sums->odd, of);
    if (clamp->min == INT8_MIN && clamp->max == INT8_MAX) {
        uint32_t four;
        __asm__("uxtb16 %0, %1" : "=r"(four) : "r"(odd));
        four = four << 8;
        uint32_t rest;
        __asm__("uxtb16 %0, %1" : "=r"(rest) : "r"(even));
        ((tml_four_bytes *)(void *)output)->bytes = four | rest;
        return;
    }
    output[0] = tml_average_cut((int16_t)(even & 0xFFFFu), clamp);
    output[1] = tml_average_cut((int16_t)(odd & 0xFFFFu), clamp);
    output[2] = tml_average_cut((int32_t)even >> 16, clamp);
    output[3] = tml_average_cut((int32_t)odd >> 16, clamp);
}

/* The channels of an output whose window lies inside the image. */
TML_KERNEL void tml_average_whole(const tml_average_pool_2d_params *params, const int8_t *corner,
                                  int8_t *output)
{
    const int32_t rows = params->height.kernel;
    const int32_t columns = params->width.kernel;
    const int32_t channels = params->channels;
    const int32_t row_step = params->width.in * channels;
    const tml_average_of of = tml_average_of_count(rows * columns);

    TML_ROLLED
    for (int32_t c = 0; c < channels; c += 4) {
        const int32_t first = c + 4 <= channels ? c : channels - 4;
        tml_channel_sums sums = {0, 0};
        TML_UNROLLED
        for (int32_t y = 0; y < rows; ++y) {
            const int8_t *row = corner + first + y * row_step;
            TML_UNROLLED
            for (int32_t x = 0; x < columns; ++x) {
                tml_channel_sums_pixel(&sums, row + x * channels);
            }
        }
        tml_average_four(&sums, &of, &params->clamp, output + first);
    }
}

/* The channels of an output of whose window some rows and columns are in the image. */
TML_KERNEL void tml_average_part(const tml_average_pool_2d_params *params, const int8_t *corner,
                                 int32_t rows, int32_t columns, int8_t *output)
{
    const int32_t channels = params->channels;
    const int32_t row_step = params->width.in * channels;
    const tml_average_of of = tml_average_of_count(rows * columns);

    TML_ROLLED
    for (int32_t c = 0; c < channels; c += 4) {
        const int32_t first = c + 4 <= channels ? c : channels - 4;
        const int8_t *row = corner + first;
        tml_channel_sums sums = {0, 0};
        TML_ROLLED
        for (int32_t y = 0; y < rows; ++y) {
            tml_channel_sums_add(&sums, row, channels, columns);
            row += row_step;
        }
        tml_average_four(&sums, &of, &params->clamp, output + first);
    }
}

TML_KERNEL void tml_dsp_average_window_s8(const tml_average_pool_2d_params *params,
                                          const int8_t *input, int8_t *output)
{
    const tml_window *width = &params->width;
    const tml_window *height = &params->height;
    const int32_t channels = params->channels;
    const int32_t row_step = width->in * channels;

    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t out_y = 0; out_y < height->out; ++out_y) {
            const tml_taps rows = tml_taps_of(height, out_y);
            TML_ROLLED
            for (int32_t out_x = 0; out_x < width->out; ++out_x) {
                const tml_taps columns = tml_taps_of(width, out_x);
                const int8_t *corner = input + (rows.input + rows.start) * row_step
                    + (columns.input + columns.start) * channels;
                if (tml_taps_are_all(height, &rows) && tml_taps_are_all(width, &columns)) {
                    tml_average_whole(params, corner, output);
                } else {
                    tml_average_part(params, corner, rows.end - rows.start,
                                     columns.end - columns.start, output);
                }
                output += channels;
            }
        }
        input += height->in * row_step;
    }
}

#endif
