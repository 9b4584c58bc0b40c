/* max_pool_2d_s8.h: MAX_POOL_2D for Helium, up to sixteen channels at a time.
 *
 * Contract, params and order of reads and writes as in kernels/max_pool_2d/s8.h.
 * Instructions per sixteen channels: 3 per pixel, 8 per row of the window, 10.
 */
#ifndef TML_MVE_MAX_POOL_2D_S8_H
#define TML_MVE_MAX_POOL_2D_S8_H

#include "kernels/max_pool_2d/params.h"
#include "kernels/mve/copy.h"

TML_KERNEL void tml_mve_max_pool_2d_s8(const tml_max_pool_2d_params *params, const int8_t *input,
                                       int8_t *output)
{
    const tml_window *width = &params->width;
    const int32_t channels = params->channels;
    const int32_t row_step = width->in * channels;

    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t out_y = 0; out_y < params->height.out; ++out_y) {
            const tml_taps rows = tml_taps_of(&params->height, out_y);
            TML_ROLLED
            for (int32_t out_x = 0; out_x < width->out; ++out_x) {
                const tml_taps columns = tml_taps_of(width, out_x);
                const int8_t *corner = input + (rows.input + rows.start) * row_step
                    + (columns.input + columns.start) * channels;
                TML_ROLLED
                for (int32_t c = 0; c < channels; c += 16) {
                    const mve_pred16_t lanes = vctp8q((uint32_t)(channels - c));
                    int8x16_t most = vdupq_n_s8((int8_t)params->clamp.min);
                    TML_ROLLED
                    for (int32_t y = 0; y < rows.end - rows.start; ++y) {
                        const int8_t *pixel = corner + c + y * row_step;
                        TML_ROLLED
                        for (int32_t x = columns.start; x < columns.end; ++x) {
                            most = vmaxq_s8(most, vldrbq_z_s8(pixel, lanes));
                            pixel += channels;
                        }
                    }
                    most = vminq_s8(most, vdupq_n_s8((int8_t)params->clamp.max));
                    TML_MVE_KEEP_STORES;
                    vstrbq_p_s8(output + c, most, lanes);
                }
                output += channels;
            }
        }
        input += params->height.in * row_step;
    }
}

#endif
