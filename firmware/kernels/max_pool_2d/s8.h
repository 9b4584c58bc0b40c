/* MAX_POOL_2D in plain C.
 *
 * out[b, y, x, c] = clamp(greatest input inside the window)
 *
 * Padding does not take part. Input and output have the same scale and zero point, NHWC. Output
 * pixels are finished one after the other.
 */
#ifndef TML_MAX_POOL_2D_S8_H
#define TML_MAX_POOL_2D_S8_H

#include "tml.h"
#include "tml_fixedpoint.h"
#include "tml_window.h"

typedef struct {
    int32_t batches;
    tml_window height;
    tml_window width;
    int32_t channels;
    tml_clamp clamp;
} tml_max_pool_2d_params;

TML_KERNEL void tml_max_pool_2d_s8(const tml_max_pool_2d_params *params, const int8_t *input,
                                   int8_t *output)
{
    const tml_window *width = &params->width;
    const int32_t row_step = width->in * params->channels;

    for (int32_t batch = 0; batch < params->batches; ++batch) {
        for (int32_t out_y = 0; out_y < params->height.out; ++out_y) {
            const tml_taps rows = tml_taps_of(&params->height, out_y);
            const int32_t height = rows.end - rows.start;
            for (int32_t out_x = 0; out_x < width->out; ++out_x) {
                const tml_taps columns = tml_taps_of(width, out_x);
                const int32_t row_bytes = (columns.end - columns.start) * params->channels;
                const int8_t *corner = input + (rows.input + rows.start) * row_step
                    + (columns.input + columns.start) * params->channels;
                TML_ROLLED
                for (int32_t c = 0; c < params->channels; ++c) {
                    int32_t greatest = params->clamp.min;
                    TML_ROLLED
                    for (int32_t k_y = 0; k_y < height; ++k_y) {
                        const int8_t *row = corner + c + k_y * row_step;
                        for (int32_t i = 0; i < row_bytes; i += params->channels) {
                            greatest = row[i] > greatest ? row[i] : greatest;
                        }
                    }
                    output[c] = (int8_t)(greatest < params->clamp.max ? greatest
                                                                      : params->clamp.max);
                }
                output += params->channels;
            }
        }
        input += params->height.in * row_step;
    }
}

#endif
