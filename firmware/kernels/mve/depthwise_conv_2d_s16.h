/* Depthwise convolution of int16 values and int8 weights for Helium, one filter per channel: any filter,
 * stride, dilation and padding.
 *
 *   channels       c   c+1  c+2  c+3        four channels of one output pixel are the lanes of a vector:
 *   tap 0          x * w, one VMLA          VLDRH.S32 widens four inputs as it loads them, VLDRB.S32
 *   tap 1          x * w                    four weights: 3 instructions per four products.
 *   ...
 *
 * Taps in the padding are left out. The last lanes of an odd number of channels are neither read nor
 * written. Weights: taps in the order of the filter, channels side by side, rows of them filled up to
 * a multiple of four; constants as in rescale_s16.h. Sums have 32 bits.
 * The output may chase the input: pixels are finished in the order of memory, channels too.
 * Instructions per four channels of a pixel: 20, 5 per row of taps, 6 per tap.
 */
#ifndef TML_MVE_DEPTHWISE_CONV_2D_S16_H
#define TML_MVE_DEPTHWISE_CONV_2D_S16_H

#include "kernels/mve/rescale_s16.h"
#include "tml_window.h"

typedef struct {
    int32_t batches;
    tml_window height;
    tml_window width;
    int32_t channels;
    tml_clamp clamp;
} tml_mve_depthwise_s16_params;

TML_KERNEL void tml_mve_depthwise_conv_2d_s16(const tml_mve_depthwise_s16_params *params,
                                              const int16_t *input, const int8_t *weights,
                                              const int32_t *scales, int16_t *output)
{
    const tml_window *height = &params->height;
    const tml_window *width = &params->width;
    const int32_t channels = params->channels;
    const int32_t tap = (channels + 3) & ~3; /* weights of one */
    const int32_t step_x = width->dilation * channels;
    const int32_t step_y = height->dilation * width->in * channels;

    TML_ROLLED
    for (int32_t pixel = 0; pixel < params->batches * height->out * width->out; ++pixel) {
        const int32_t row = pixel / width->out;
        const int32_t batch = row / height->out;
        const tml_taps rows = tml_taps_of(height, row - batch * height->out);
        const tml_taps columns = tml_taps_of(width, pixel - row * width->out);
        const int32_t in_y = batch * height->in + rows.input + rows.start * height->dilation;
        const int32_t in_x = columns.input + columns.start * width->dilation;
        const int16_t *corner = input + (in_y * width->in + in_x) * channels;
        const int8_t *first = weights + (rows.start * width->kernel + columns.start) * tap;
        TML_ROLLED
        for (int32_t c = 0; c < channels; c += 4) {
            const mve_pred16_t lanes = vctp32q((uint32_t)(channels - c));
            int32x4_t sums = vldrwq_s32(scales + 3 * c);
            const int16_t *line = corner + c;
            const int8_t *w_line = first + c;
            TML_ROLLED
            for (int32_t k_y = rows.start; k_y < rows.end; ++k_y) {
                const int16_t *x = line;
                const int8_t *w = w_line;
                TML_ROLLED
                for (int32_t k_x = columns.start; k_x < columns.end; ++k_x) {
                    sums = vaddq_s32(sums, vmulq_s32(vldrhq_z_s32(x, lanes), vldrbq_s32(w)));
                    x += step_x;
                    w += tap;
                }
                line += step_y;
                w_line += width->kernel * tap;
            }
            tml_mve_store_s16(params->clamp, sums, scales + 3 * c, output + c,
                              (uint32_t)(channels - c));
        }
        output += channels;
    }
}

#endif
