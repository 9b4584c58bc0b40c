/* conv_2d_s8.h: CONV_2D of any filter, stride, dilation and padding, for the ESP32-S3's vector unit.
 *
 *   window   | row 0 . . | row 1 . . | row 2 . . |       each row of the filter begins at a multiple of 16,
 *            | row 0 . . row 1 . . row 2 . . . |         or all taps follow one another: what costs less
 *
 * The window of each output pixel is copied to scratch, with the padding filled in, and goes through all
 * filters (dot.h), whose weights are laid out like it. Filters see all channels (no groups). A window is read completely before its outputs are
 * written, so the output may chase the input. Scratch: 16 * blocks bytes.
 * Instructions per pixel: those of copy.h for each row inside the image, 5 per byte of others; those of dot.h.
 */
#ifndef TML_PIE_CONV_2D_S8_H
#define TML_PIE_CONV_2D_S8_H

#include "kernels/pie/copy.h"
#include "kernels/pie/dot.h"
#include "tml_window.h"

typedef struct {
    int32_t batches;
    tml_window height;
    tml_window width;
    int32_t in_channels;
    int32_t padding_value;
    int32_t row_bytes; /* of the window's rows: a multiple of 16, or what a row's taps are */
    tml_pie_dot_params dot;
} tml_pie_conv_2d_params;

/* One row of a window, padding at both ends. */
TML_KERNEL void tml_pie_copy_row(const tml_pie_conv_2d_params *params, const int8_t *row,
                                 const tml_taps *columns, int8_t *to)
{
    const int32_t channels = params->in_channels;
    const int32_t taps = columns->end - columns->start;
    const int8_t *from = row + (columns->input + columns->start * params->width.dilation) * channels;
    if (params->row_bytes % TML_PIE_LINE == 0 && params->width.dilation == 1
        && tml_taps_are_all(&params->width, columns)) {
        tml_pie_copy_lines(to, from, params->width.kernel * channels);
        return;
    }
    tml_pie_fill(to, params->padding_value, columns->start * channels);
    to += columns->start * channels;
    TML_ROLLED
    for (int32_t k_x = 0; k_x < taps; ++k_x) {
        tml_pie_copy_bytes(to, from, channels);
        to += channels;
        from += params->width.dilation * channels;
    }
    tml_pie_fill(to, params->padding_value, (params->width.kernel - columns->end) * channels);
}

TML_KERNEL void tml_pie_copy_window(const tml_pie_conv_2d_params *params, const int8_t *input,
                                    const tml_taps *rows, const tml_taps *columns, int8_t *to)
{
    const int32_t pitch = params->width.in * params->in_channels;
    TML_ROLLED
    for (int32_t k_y = 0; k_y < params->height.kernel; ++k_y) {
        if (k_y < rows->start || k_y >= rows->end) {
            tml_pie_fill(to, params->padding_value, params->width.kernel * params->in_channels);
        } else {
            const int32_t in_y = rows->input + k_y * params->height.dilation;
            tml_pie_copy_row(params, input + in_y * pitch, columns, to);
        }
        to += params->row_bytes;
    }
}

TML_KERNEL void tml_pie_conv_2d_s8(const tml_pie_conv_2d_params *params, const int8_t *input,
                                   const int8_t *weights, const int32_t *words, int8_t *output,
                                   int8_t *scratch)
{
    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t out_y = 0; out_y < params->height.out; ++out_y) {
            const tml_taps rows = tml_taps_of(&params->height, out_y);
            TML_ROLLED
            for (int32_t out_x = 0; out_x < params->width.out; ++out_x) {
                const tml_taps columns = tml_taps_of(&params->width, out_x);
                tml_pie_copy_window(params, input, &rows, &columns, scratch);
                tml_pie_dot(&params->dot, scratch, weights, words, output);
                output += params->dot.out_channels;
            }
        }
        input += params->height.in * params->width.in * params->in_channels;
    }
}

#endif
