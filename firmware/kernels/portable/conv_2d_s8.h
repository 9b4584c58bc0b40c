/* conv_2d_s8.h: CONV_2D two output pixels at a time: any filter, stride, dilation and padding.
 *
 * The windows of two pixels go into the stream of pairs.h: straight from the input where rows of
 * the window are whole chunks and lie inside the image, else over a copy with the padding filled in.
 * Filters see all channels (no groups). The output may chase the input: two windows are read
 * completely before their outputs are written.
 *
 * Scratch: the stream, then two copies of a window, each filled up to fours.
 * Instructions per two pixels: 7 per tap (10 with a copy), and those of pairs.h.
 */
#ifndef TML_PORTABLE_CONV_2D_S8_H
#define TML_PORTABLE_CONV_2D_S8_H

#include "kernels/portable/pairs.h"
#include "tml_window.h"

typedef struct {
    int32_t batches;
    tml_window height;
    tml_window width;
    int32_t in_channels;
    int32_t padding_value;
    tml_pair_params pair;
} tml_portable_conv_2d_params;

/* Rows of a window. */
typedef struct {
    const int8_t *start;
    int32_t pitch; /* bytes from row to row */
} tml_portable_rows;

/* Copies the window of one output; taps outside the image get the padding's value. */
TML_KERNEL void tml_portable_copy_window(const tml_portable_conv_2d_params *params,
                                         const int8_t *input, const tml_taps *rows,
                                         const tml_taps *columns, int8_t *to)
{
    const int32_t channels = params->in_channels;
    const int32_t row_bytes = params->width.kernel * channels;
    const int32_t left = columns->start * channels;
    const int32_t right = (params->width.kernel - columns->end) * channels;
    TML_ROLLED
    for (int32_t k_y = 0; k_y < params->height.kernel; ++k_y) {
        if (k_y < rows->start || k_y >= rows->end) {
            memset(to, params->padding_value, (size_t)row_bytes);
            to += row_bytes;
            continue;
        }
        memset(to, params->padding_value, (size_t)left);
        to += left;
        const int32_t in_y = rows->input + k_y * params->height.dilation;
        const int32_t in_x = columns->input + columns->start * params->width.dilation;
        const int8_t *from = input + (in_y * params->width.in + in_x) * channels;
        const int32_t runs = columns->end - columns->start;
        const int32_t run = params->width.dilation == 1 ? runs * channels : channels;
        TML_ROLLED
        for (int32_t done = 0; done < runs * channels; done += run) {
            TML_ROLLED
            for (int32_t i = 0; i < run; ++i) {
                to[i] = from[i];
            }
            to += run;
            from += params->width.dilation * channels;
        }
        memset(to, params->padding_value, (size_t)right);
        to += right;
    }
}

/* Where the rows of an output's window can be read. */
TML_KERNEL tml_portable_rows tml_portable_window(const tml_portable_conv_2d_params *params,
                                                 const int8_t *input, int32_t out_y,
                                                 int32_t out_x, int8_t *copy)
{
    const tml_taps rows = tml_taps_of(&params->height, out_y);
    const tml_taps columns = tml_taps_of(&params->width, out_x);
    const int32_t row_bytes = params->width.kernel * params->in_channels;
    const bool is_whole = params->width.dilation == 1 && row_bytes % 4 == 0;
    if (is_whole && tml_taps_are_all(&params->height, &rows)
        && tml_taps_are_all(&params->width, &columns)) {
        const int32_t pixel = rows.input * params->width.in + columns.input;
        const int32_t pitch = params->height.dilation * params->width.in * params->in_channels;
        const tml_portable_rows inside = {input + pixel * params->in_channels, pitch};
        return inside;
    }
    tml_portable_copy_window(params, input, &rows, &columns, copy);
    const tml_portable_rows copied = {copy, row_bytes};
    return copied;
}

TML_KERNEL void tml_portable_conv_2d_s8(const tml_portable_conv_2d_params *params,
                                        const int8_t *input, const uint8_t *weights,
                                        const int32_t *words, const int16_t *rest, int8_t *output,
                                        uint32_t *scratch)
{
    const tml_pair_filters filters = {weights, words, rest};
    const int32_t row_bytes = params->width.kernel * params->in_channels;
    const bool is_whole = params->width.dilation == 1 && row_bytes % 4 == 0;
    const int32_t packs = is_whole ? params->height.kernel : 1;
    const int32_t pack = is_whole ? row_bytes : params->height.kernel * row_bytes;
    const int32_t copy_bytes = params->pair.chunk * params->pair.chunks;
    int8_t *const copies = (int8_t *)(scratch + tml_pair_words(&params->pair));

    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        int32_t out_y = 0, out_x = 0;
        TML_ROLLED
        for (int32_t left = params->height.out * params->width.out; left > 0; left -= 2) {
            tml_portable_rows rows[2];
            const int32_t count = left > 1 ? 2 : 1;
            TML_ROLLED
            for (int32_t i = 0; i < count; ++i) {
                rows[i] = tml_portable_window(params, input, out_y, out_x,
                                              copies + i * copy_bytes);
                if (++out_x == params->width.out) {
                    out_x = 0;
                    ++out_y;
                }
            }
            rows[1] = rows[count - 1];
            uint32_t *stream = scratch;
            TML_ROLLED
            for (int32_t i = 0; i < packs; ++i) {
                stream = tml_pair_pack(&params->pair, stream, rows[0].start, rows[1].start,
                                       pack);
                rows[0].start += rows[0].pitch;
                rows[1].start += rows[1].pitch;
            }
            tml_pair_filter(&params->pair, scratch, &filters, output,
                            output + (count - 1) * params->pair.out_channels);
            output += count * params->pair.out_channels;
        }
        input += params->height.in * params->width.in * params->in_channels;
    }
}

#endif
