/* pointwise_s8.h: 1x1 CONV_2D with stride 1, and FULLY_CONNECTED, for the ESP32-S3's vector unit.
 *
 * Each pixel (or row) is a window of its own, read where it is (sums.h), and completely before its outputs are
 * written, so the output may chase the input where all channels are made in one pass. Scratch: 128 bytes, output channels filled up to 16.
 * Instructions per pixel: 10; those of sums.h and of a copy of the outputs.
 */
#ifndef TML_PIE_POINTWISE_S8_H
#define TML_PIE_POINTWISE_S8_H

#include "kernels/pie/sums.h"

typedef struct {
    int32_t pixels;
    int32_t in_channels;
    tml_pie_sums_params sums;
} tml_pie_pointwise_params;

TML_KERNEL void tml_pie_pointwise_s8(const tml_pie_pointwise_params *params, const int8_t *input,
                                     const int8_t *weights, const int32_t *scales, int8_t *output,
                                     int8_t *memory)
{
    tml_pie_pass pass = tml_pie_first_pass(&params->sums, weights, scales);
    TML_ROLLED
    for (; pass.channels > 0; tml_pie_next_pass(&params->sums, &pass)) {
        tml_pie_window window = {input, params->in_channels, params->sums.step};
        int8_t *to = output;
        TML_ROLLED
        for (int32_t left = params->pixels; left > 0; --left) {
            tml_pie_outputs(&params->sums, &pass, &window, memory, to);
            window.first += params->in_channels;
            to += params->sums.out_channels;
        }
    }
}

#endif
