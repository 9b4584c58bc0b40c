/* conv_2d_s8.h: CONV_2D for Helium by copying windows: any filter, stride, dilation, padding.
 *
 * The windows of two output pixels are laid out in scratch, taps in the order of the filter and
 * padding filled with the zero point, then both go through all filters (gemm.h). Filters see all
 * channels (no groups).
 *
 * The output may chase the input: two windows are read completely before their outputs are written.
 * Scratch: 2 * 16 * blocks bytes.
 * Instructions per two pixels: that of gemm.h; 2 * (20 + kernel_h * (5 + 3 per 16 bytes of a row)).
 */
#ifndef TML_MVE_CONV_2D_S8_H
#define TML_MVE_CONV_2D_S8_H

#include "kernels/mve/copy.h"
#include "kernels/mve/gemm.h"
#include "tml_window.h"

typedef struct {
    int32_t batches;
    tml_window height;
    tml_window width;
    int32_t in_channels;
    int32_t padding_value;
    tml_mve_gemm_params gemm;
} tml_mve_conv_2d_params;

/* Copies `rows` rows of `columns` taps. */
TML_KERNEL void tml_mve_window_taps(const tml_mve_conv_2d_params *params, const int8_t *from,
                                    int8_t *to, int32_t rows, int32_t columns)
{
    const int32_t channels = params->in_channels;
    const bool is_dense = params->width.dilation == 1;
    const int32_t runs = is_dense ? 1 : columns;
    const int32_t length = is_dense ? columns * channels : channels;
    for (int32_t k_y = 0; k_y < rows; ++k_y) {
        for (int32_t run = 0; run < runs; ++run) {
            tml_mve_copy(to + run * channels, from + run * params->width.dilation * channels,
                         length);
        }
        from += params->height.dilation * params->width.in * channels;
        to += params->width.kernel * channels;
    }
}

/* Lays the window of one output pixel out. */
TML_KERNEL void tml_mve_window(const tml_mve_conv_2d_params *params, const int8_t *input,
                               int32_t out_y, int32_t out_x, int8_t *to)
{
    const tml_window *height = &params->height;
    const tml_window *width = &params->width;
    const int32_t channels = params->in_channels;
    const tml_taps rows = tml_taps_of(height, out_y);
    const tml_taps columns = tml_taps_of(width, out_x);
    const int8_t *from = input + (rows.input * width->in + columns.input) * channels;
    if (tml_taps_are_all(height, &rows) && tml_taps_are_all(width, &columns)) {
        tml_mve_window_taps(params, from, to, height->kernel, width->kernel);
        return;
    }
    tml_mve_fill(to, 16 * params->gemm.blocks, params->padding_value);
    from += rows.start * height->dilation * width->in * channels;
    from += columns.start * width->dilation * channels;
    to += (rows.start * width->kernel + columns.start) * channels;
    tml_mve_window_taps(params, from, to, rows.end - rows.start, columns.end - columns.start);
}

TML_KERNEL void tml_mve_conv_2d_s8(const tml_mve_conv_2d_params *params, const int8_t *input,
                                   const int8_t *weights, const int32_t *scales, int8_t *output,
                                   int8_t *scratch)
{
    const tml_window *width = &params->width;
    const int32_t pixels = params->height.out * width->out;
    const int32_t window = 16 * params->gemm.blocks;

    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        int32_t out_y = 0;
        int32_t out_x = 0;
        TML_ROLLED
        for (int32_t rest = pixels; rest > 0; rest -= 2) {
            const int32_t second = rest > 1 ? 1 : 0;
            TML_ROLLED
            for (int32_t i = 0; i <= second; ++i) {
                tml_mve_window(params, input, out_y, out_x, scratch + i * window);
                if (++out_x == width->out) {
                    out_x = 0;
                    ++out_y;
                }
            }
            tml_mve_gemm(&params->gemm, scratch, scratch + second * window, weights, scales,
                         output, output + second * params->gemm.out_channels);
            output += (1 + second) * params->gemm.out_channels;
        }
        input += params->height.in * width->in * params->in_channels;
    }
}

#endif
