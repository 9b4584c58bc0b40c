/* max_pool_2d_s8.h: MAX_POOL_2D for Armv7E-M, four channels at a time (SSUB8, SEL).
 *
 * SSUB8 compares four bytes at once, SEL picks the greater of each:
 *
 *   ssub8 t, greatest, word      flags per byte: greatest >= word
 *   sel   greatest, greatest, word
 *
 * Contract and order of reads and writes as in kernels/max_pool_2d/s8.h; at least four channels.
 * When they are no multiple of four, the last four overlap those before them.
 *
 * Instructions: 3 to 6 per four elements of a window, 12 per four outputs and 5 per window row.
 */
#ifndef TML_DSP_MAX_POOL_2D_S8_H
#define TML_DSP_MAX_POOL_2D_S8_H

#include "kernels/dsp/channel_sums.h"
#include "kernels/max_pool_2d/params.h"

/* Byte by byte the greater of two, or the smaller. */
TML_KERNEL uint32_t tml_max_of_bytes(uint32_t a, uint32_t b)
{
    uint32_t made;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(made) : "r"(a), "r"(b) : "cc");
    return made;
}

TML_KERNEL uint32_t tml_min_of_bytes(uint32_t a, uint32_t b)
{
    uint32_t made;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %2, %1" : "=&r"(made) : "r"(a), "r"(b) : "cc");
    return made;
}

TML_KERNEL void tml_dsp_max_pool_2d_s8(const tml_max_pool_2d_params *params, const int8_t *input,
                                       int8_t *output)
{
    const tml_window *width = &params->width;
    const int32_t channels = params->channels;
    const int32_t row_step = width->in * channels;
    const uint32_t least = (uint32_t)(params->clamp.min & 0xFF) * 0x01010101u;
    const uint32_t most = (uint32_t)(params->clamp.max & 0xFF) * 0x01010101u;

    for (int32_t batch = 0; batch < params->batches; ++batch) {
        for (int32_t out_y = 0; out_y < params->height.out; ++out_y) {
            const tml_taps rows = tml_taps_of(&params->height, out_y);
            for (int32_t out_x = 0; out_x < width->out; ++out_x) {
                const tml_taps columns = tml_taps_of(width, out_x);
                const int32_t row_bytes = (columns.end - columns.start) * channels;
                const int8_t *corner = input + (rows.input + rows.start) * row_step
                    + (columns.input + columns.start) * channels;
                TML_ROLLED
                for (int32_t c = 0; c < channels; c += 4) {
                    const int32_t first = c + 4 <= channels ? c : channels - 4;
                    uint32_t greatest = least;
                    const int8_t *row = corner + first;
                    for (int32_t k_y = rows.start; k_y < rows.end; ++k_y) {
                        for (int32_t i = 0; i < row_bytes; i += channels) {
                            const tml_four_bytes *four
                                = (const tml_four_bytes *)(const void *)(row + i);
                            greatest = tml_max_of_bytes(greatest, four->bytes);
                        }
                        row += row_step;
                    }
                    if (params->clamp.max < INT8_MAX) {
                        greatest = tml_min_of_bytes(greatest, most);
                    }
                    ((tml_four_bytes *)(void *)(output + first))->bytes = greatest;
                }
                output += channels;
            }
        }
        input += params->height.in * row_step;
    }
}

#endif
