/* max_pool_2d_s8.h: MAX_POOL_2D for the ESP32-S3's vector unit.
 *
 *   q2 = max(q2, 16 channels of the pixel under a tap)     at any address: two lines, shifted
 *
 * Taps outside the image are passed over. An output pixel is read completely before it is written, so the output
 * may chase the input. No line is read of which no byte is wanted. Scratch: channels filled up to 16.
 * Instructions per 16 channels: 6 per tap, 20.
 */
#ifndef TML_PIE_MAX_POOL_2D_S8_H
#define TML_PIE_MAX_POOL_2D_S8_H

#include "kernels/pie/copy.h"
#include "tml_window.h"

typedef struct {
    int32_t batches;
    tml_window height;
    tml_window width;
    int32_t channels;
    tml_clamp clamp;
} tml_pie_max_pool_2d_params;

/* The greatest of up to 16 channels from `x` on, to where a line of 16 bytes begins. */
TML_KERNEL void tml_pie_max_group(const tml_pie_max_pool_2d_params *params, const tml_taps *rows,
                                  const tml_taps *columns, const int8_t *x, int32_t count, int8_t *output)
{
    const int8_t bounds[2] = {(int8_t)params->clamp.min, (int8_t)params->clamp.max};
    const int32_t step = params->channels;
    const int32_t down = (params->width.in - (columns->end - columns->start)) * step;
    const int8_t *last = x + count - 1;
    __asm__ volatile("ee.vldbc.8 q2, %[least]" : : [least] "r"(&bounds[0]), "m"(bounds) : "memory");
    TML_ROLLED
    for (int32_t k_y = rows->start; k_y < rows->end; ++k_y) {
        TML_ROLLED
        for (int32_t k_x = columns->start; k_x < columns->end; ++k_x) {
            __asm__ volatile("ee.ld.128.usar.xp q0, %[x], %[step]\n\t"
                             "ee.vld.128.xp q1, %[last], %[step]\n\t"
                             "ee.src.q q0, q0, q1\n\t"
                             "ee.vmax.s8 q2, q2, q0"
                             : [x] "+r"(x), [last] "+r"(last)
                             : [step] "r"(step)
                             : "memory");
        }
        x += down;
        last += down;
    }
    __asm__ volatile("ee.vldbc.8 q0, %[most]\n\t"
                     "ee.vmin.s8 q2, q2, q0\n\t"
                     "ee.vst.128.ip q2, %[to], 0"
                     : [to] "+r"(output)
                     : [most] "r"(&bounds[1]), "m"(bounds)
                     : "memory");
}

TML_KERNEL void tml_pie_max_pool_2d_s8(const tml_pie_max_pool_2d_params *params, const int8_t *input,
                                       int8_t *output, int8_t *memory)
{
    const int32_t channels = params->channels;
    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t out_y = 0; out_y < params->height.out; ++out_y) {
            const tml_taps rows = tml_taps_of(&params->height, out_y);
            TML_ROLLED
            for (int32_t out_x = 0; out_x < params->width.out; ++out_x) {
                const tml_taps columns = tml_taps_of(&params->width, out_x);
                const int32_t pixel = (rows.input + rows.start) * params->width.in + columns.input + columns.start;
                TML_ROLLED
                for (int32_t from = 0; from < channels; from += TML_PIE_LINE) {
                    const int32_t left = channels - from;
                    const int32_t count = left < TML_PIE_LINE ? left : TML_PIE_LINE;
                    tml_pie_max_group(params, &rows, &columns, input + pixel * channels + from, count, memory + from);
                }
                tml_pie_put(output, memory, channels);
                output += channels;
            }
        }
        input += params->height.in * params->width.in * channels;
    }
}

#endif
