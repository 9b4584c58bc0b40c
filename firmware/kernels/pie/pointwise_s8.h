/* pointwise_s8.h: 1x1 CONV_2D with stride 1, and FULLY_CONNECTED, for the ESP32-S3's vector unit.
 *
 * Each pixel (or row) is copied to scratch, where it is 16-byte aligned whatever the number of channels, and
 * goes through all filters (dot.h). It is read completely before its outputs are written, so the output may
 * chase the input. Scratch: 16 * blocks bytes.
 * Instructions per pixel: those of copy.h and dot.h.
 */
#ifndef TML_PIE_POINTWISE_S8_H
#define TML_PIE_POINTWISE_S8_H

#include "kernels/pie/copy.h"
#include "kernels/pie/dot.h"

typedef struct {
    int32_t pixels;
    int32_t in_channels;
    tml_pie_dot_params dot;
} tml_pie_pointwise_params;

TML_KERNEL void tml_pie_pointwise_s8(const tml_pie_pointwise_params *params, const int8_t *input,
                                     const int8_t *weights, const int32_t *words, int8_t *output,
                                     int8_t *scratch)
{
    TML_ROLLED
    for (int32_t left = params->pixels; left > 0; --left) {
        tml_pie_copy_lines(scratch, input, params->in_channels);
        tml_pie_dot(&params->dot, scratch, weights, words, output);
        input += params->in_channels;
        output += params->dot.out_channels;
    }
}

#endif
