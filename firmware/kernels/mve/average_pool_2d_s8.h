/* average_pool_2d_s8.h: AVERAGE_POOL_2D for Helium, up to eight channels at a time.
 *
 * Contract, params and order of reads and writes as in kernels/average_pool_2d/s8.h; windows of at
 * most 256 pixels, so that 16 bits hold their sums. A sum is divided by multiplying its magnitude
 * with ceil(2^32 / count) and taking the upper word: exact, because (magnitude + half) * count,
 * below 2^32, bounds what rounding up adds.
 *
 * Instructions per eight channels: 3 per pixel, 8 per row of the window, 30.
 */
#ifndef TML_MVE_AVERAGE_POOL_2D_S8_H
#define TML_MVE_AVERAGE_POOL_2D_S8_H

#include "kernels/average_pool_2d/params.h"
#include "kernels/mve/copy.h"

/* Four averages, halves away from zero. */
TML_KERNEL int32x4_t tml_mve_average(int32x4_t sums, int32_t count)
{
    const uint32x4_t rounded
        = vaddq_n_u32(vreinterpretq_u32_s32(vabsq_s32(sums)), (uint32_t)count / 2u);
    if (count == 1) {
        return sums;
    }
    const uint32x4_t quotient = vmulhq_u32(rounded, vdupq_n_u32(UINT32_MAX / (uint32_t)count + 1u));
    const int32x4_t magnitude = vreinterpretq_s32_u32(quotient);
    return vnegq_m_s32(magnitude, magnitude, vcmpltq_n_s32(sums, 0));
}

/* The outputs of up to eight channels; the window has `rows` rows of `columns` pixels. */
TML_KERNEL void tml_mve_average_eight(const tml_average_pool_2d_params *params,
                                      const int8_t *corner, int32_t rows, int32_t columns,
                                      int8_t *output, int32_t channels)
{
    const mve_pred16_t lanes = vctp16q((uint32_t)channels);
    const int32_t row_step = params->width.in * params->channels;
    int16x8_t sums = vdupq_n_s16(0);
    TML_ROLLED
    for (int32_t y = 0; y < rows; ++y) {
        const int8_t *pixel = corner + y * row_step;
        TML_ROLLED
        for (int32_t x = 0; x < columns; ++x) {
            sums = vaddq_s16(sums, vldrbq_z_s16(pixel, lanes));
            pixel += params->channels;
        }
    }
    const int32_t count = rows * columns;
    const int32x4_t even = tml_mve_average(vmovlbq_s16(sums), count);
    const int32x4_t odd = tml_mve_average(vmovltq_s16(sums), count);
    int16x8_t made = vqmovntq_s32(vqmovnbq_s32(vuninitializedq_s16(), even), odd);
    made = vmaxq_s16(made, vdupq_n_s16((int16_t)params->clamp.min));
    made = vminq_s16(made, vdupq_n_s16((int16_t)params->clamp.max));
    TML_MVE_KEEP_STORES;
    vstrbq_p_s16(output, made, lanes);
}

TML_KERNEL void tml_mve_average_pool_2d_s8(const tml_average_pool_2d_params *params,
                                           const int8_t *input, int8_t *output)
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
                for (int32_t c = 0; c < channels; c += 8) {
                    tml_mve_average_eight(params, corner + c, rows.end - rows.start,
                                          columns.end - columns.start, output + c, channels - c);
                }
                output += channels;
            }
        }
        input += params->height.in * row_step;
    }
}

#endif
