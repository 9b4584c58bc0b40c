/* conv_2d_s8.h: CONV_2D of any filter, stride, dilation and padding, for the ESP32-S3's vector unit.
 *
 * Where all taps of an output pixel lie inside the image its window is read where it is; else it is copied
 * to memory with the padding filled in; every window is where its runs lie apart and are too long for 20 bits. Sums of 16 channels are made at a time (sums.h). Filters see all
 * channels (no groups). A window is read completely before its outputs are written, so the output may chase
 * the input where all channels are made in one pass. Scratch: 128 bytes, output channels filled up to 16, the window.
 * Instructions per pixel: 30; 5 per 4 bytes of windows at the edge; those of sums.h and of a copy of the outputs.
 */
#ifndef TML_PIE_CONV_2D_S8_H
#define TML_PIE_CONV_2D_S8_H

#include "kernels/pie/sums.h"
#include "tml_window.h"

typedef struct {
    int32_t batches;
    tml_window height;
    tml_window width;
    int32_t in_channels;
    int32_t padding_value;
    bool is_copied; /* all windows are */
    tml_pie_sums_params sums;
} tml_pie_conv_2d_params;

/* One row of a window, padding at both ends. */
TML_KERNEL void tml_pie_copy_row(const tml_pie_conv_2d_params *params, const int8_t *row,
                                 const tml_taps *columns, int8_t *to)
{
    const int32_t channels = params->in_channels;
    const int8_t *from = row + (columns->input + columns->start * params->width.dilation) * channels;
    tml_pie_fill(to, params->padding_value, columns->start * channels);
    to += columns->start * channels;
    const int32_t together = params->width.dilation == 1 ? columns->end - columns->start : 1;
    TML_ROLLED
    for (int32_t k_x = columns->start; k_x < columns->end; k_x += together) {
        tml_pie_copy_bytes(to, from, together * channels);
        to += together * channels;
        from += params->width.dilation * channels;
    }
    tml_pie_fill(to, params->padding_value, (params->width.kernel - columns->end) * channels);
}

TML_KERNEL void tml_pie_copy_window(const tml_pie_conv_2d_params *params, const int8_t *input,
                                    const tml_taps *rows, const tml_taps *columns, int8_t *to)
{
    const int32_t pitch = params->width.in * params->in_channels;
    const int32_t row_bytes = params->width.kernel * params->in_channels;
    TML_ROLLED
    for (int32_t k_y = 0; k_y < params->height.kernel; ++k_y) {
        if (k_y < rows->start || k_y >= rows->end) {
            tml_pie_fill(to, params->padding_value, row_bytes);
        } else {
            const int32_t in_y = rows->input + k_y * params->height.dilation;
            tml_pie_copy_row(params, input + in_y * pitch, columns, to);
        }
        to += row_bytes;
    }
}

/* The window of an output, where it is or copied. */
TML_KERNEL tml_pie_window tml_pie_find_window(const tml_pie_conv_2d_params *params, const int8_t *input,
                                              const tml_taps *rows, const tml_taps *columns, int8_t *copy)
{
    const int32_t channels = params->in_channels;
    tml_pie_window window = {copy, params->width.kernel * channels, params->sums.step};
    if (!params->is_copied && tml_taps_are_all(&params->height, rows) && tml_taps_are_all(&params->width, columns)) {
        window.first = input + (rows->input * params->width.in + columns->input) * channels;
        window.row_bytes = params->height.dilation * params->width.in * channels;
        window.run_bytes = params->width.dilation * params->sums.step;
    } else {
        tml_pie_copy_window(params, input, rows, columns, copy);
    }
    return window;
}

/* Outputs of a pass's channels of an image. */
TML_KERNEL void tml_pie_image(const tml_pie_conv_2d_params *params, const tml_pie_pass *pass, const int8_t *input,
                              int8_t *memory, int8_t *output)
{
    int8_t *copy = memory + TML_PIE_OUTPUTS_AT + (params->sums.out_channels + 15) / 16 * 16;
    TML_ROLLED
    for (int32_t out_y = 0; out_y < params->height.out; ++out_y) {
        const tml_taps rows = tml_taps_of(&params->height, out_y);
        TML_ROLLED
        for (int32_t out_x = 0; out_x < params->width.out; ++out_x) {
            const tml_taps columns = tml_taps_of(&params->width, out_x);
            const tml_pie_window window = tml_pie_find_window(params, input, &rows, &columns, copy);
            tml_pie_outputs(&params->sums, pass, &window, memory, output);
            output += params->sums.out_channels;
        }
    }
}

TML_KERNEL void tml_pie_conv_2d_s8(const tml_pie_conv_2d_params *params, const int8_t *input,
                                   const int8_t *weights, const int32_t *scales, int8_t *output,
                                   int8_t *memory)
{
    const int32_t made = params->height.out * params->width.out * params->sums.out_channels;
    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        tml_pie_pass pass = tml_pie_first_pass(&params->sums, weights, scales);
        TML_ROLLED
        for (; pass.channels > 0; tml_pie_next_pass(&params->sums, &pass)) {
            tml_pie_image(params, &pass, input, memory, output);
        }
        input += params->height.in * params->width.in * params->in_channels;
        output += made;
    }
}

#endif
