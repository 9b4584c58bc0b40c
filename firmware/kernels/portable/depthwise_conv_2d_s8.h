/* depthwise_conv_2d_s8.h: DEPTHWISE_CONV_2D with one filter per channel, two outputs of a row at once.
 *
 * One channel after the other. Its rows stand in a ring in scratch, padding filled in, each word
 * with the inputs of two neighbouring outputs, s columns apart (s: stride):
 *
 *    words[t] = x[t] + x[t + s] * 2^16        outputs o and o + 1 read words[o * s + tap]
 *    ring     slot of row r: r % rows          as many rows as a window spans
 *
 * One multiplication by a weight makes both products; as in pairs.h, fields hold the sums of `chunk`
 * taps of a filter's row, then are emptied into 32-bit sums. The compiler proves that they fit.
 *
 * In place: rows are read before outputs of theirs are written, and channels do not meet. An output
 * that starts below the input and reaches into it would run over other channels: then the input is
 * moved down to where the output starts. Scratch: 4 * rows * row_words bytes.
 * Instructions: 10 per word of a row; per two outputs 3 per tap, 4 per chunk, 80.
 */
#ifndef TML_PORTABLE_DEPTHWISE_CONV_2D_S8_H
#define TML_PORTABLE_DEPTHWISE_CONV_2D_S8_H

#include "kernels/portable/rescale.h"
#include "tml_window.h"

#define TML_PORTABLE_MOST_ROWS 16
#define TML_PORTABLE_MOST_TAPS 64

typedef struct {
    int32_t batches;
    tml_window height;
    tml_window width;
    int32_t channels;
    int32_t padding_value;
    int32_t row_words;
    int32_t chunk; /* taps, within a row of the filter */
    tml_portable_rescale rescale;
} tml_portable_depthwise_params;

/* An input of a row, or the padding. */
TML_KERNEL int32_t tml_portable_element(const tml_portable_depthwise_params *params,
                                        const int8_t *row, int32_t at)
{
    const int32_t x = at - params->width.pad;
    return x < 0 || x >= params->width.in ? params->padding_value : row[x * params->channels];
}

/* Packs the words from .. end - 1, near the padding. */
TML_KERNEL void tml_portable_pack_ends(const tml_portable_depthwise_params *params,
                                       const int8_t *row, uint32_t *words, int32_t from,
                                       int32_t end)
{
    TML_ROLLED
    for (int32_t t = from; t < end; ++t) {
        const int32_t second = tml_portable_element(params, row, t + params->width.stride);
        words[t] = (uint32_t)tml_portable_element(params, row, t) + ((uint32_t)second << 16);
    }
}

/* Brings row `y` of the padded image into the ring; `image` is the channel's first element. */
TML_KERNEL void tml_portable_pack_row(const tml_portable_depthwise_params *params,
                                      const int8_t *image, int32_t y, uint32_t *words)
{
    const tml_window *width = &params->width;
    const int32_t in_y = y - params->height.pad;
    if (in_y < 0 || in_y >= params->height.in) {
        const uint32_t fill = (uint32_t)params->padding_value * 0x10001u;
        TML_ROLLED
        for (int32_t t = 0; t < params->row_words; ++t) {
            words[t] = fill;
        }
        return;
    }
    const int8_t *row = image + in_y * width->in * params->channels;
    const int32_t first = width->pad < params->row_words ? width->pad : params->row_words;
    const int32_t reach = width->in + width->pad - width->stride;
    const int32_t after = reach < params->row_words ? reach : params->row_words;
    const int32_t end = after > first ? after : first;
    tml_portable_pack_ends(params, row, words, 0, first);
    uint32_t *to = words + first;
    uint32_t *const stop = words + end;
    const int8_t *from = row;
    TML_OPAQUE(from);
    TML_ROLLED
    while (to != stop) {
        *to++ = (uint32_t)from[0] + ((uint32_t)from[width->stride * params->channels] << 16);
        from += params->channels;
    }
    tml_portable_pack_ends(params, row, words, end, params->row_words);
}

/* Adds `count` taps, at most a chunk. */
TML_KERNEL void tml_portable_add_taps(const tml_portable_depthwise_params *params, int32_t count,
                                      const uint32_t *words, const int32_t *weights,
                                      uint32_t *both, uint32_t *high)
{
    uint32_t p = UINT32_C(1) << 15;
    TML_UNROLLED
    for (int32_t i = 0; i < count; ++i) {
        p += words[i * params->width.dilation] * (uint32_t)weights[i];
    }
    *both += p;
    *high += (uint32_t)((int32_t)p >> 16);
}

/* The outputs of one row of the image; `rows` are those under the filter's. */
TML_KERNEL void tml_portable_depthwise_row(const tml_portable_depthwise_params *params,
                                           const uint32_t **rows, const int32_t *weights,
                                           const int32_t *scale, int8_t *output)
{
    const tml_window *width = &params->width;
    const int32_t chunk = params->chunk;
    const int32_t flushes = params->height.kernel * ((width->kernel + chunk - 1) / chunk);
    TML_ROLLED
    for (int32_t left = width->out; left > 0; left -= 2) {
        uint32_t both = 0u - ((uint32_t)flushes << 15), high = 0;
        for (int32_t k_y = 0; k_y < params->height.kernel; ++k_y) {
            const uint32_t *words = rows[k_y];
            const int32_t *w = weights + k_y * width->kernel;
            for (int32_t done = 0; done < width->kernel / chunk; ++done) {
                tml_portable_add_taps(params, chunk, words, w, &both, &high);
                words += chunk * width->dilation;
                w += chunk;
            }
            if (width->kernel % chunk != 0) {
                tml_portable_add_taps(params, width->kernel % chunk, words, w, &both, &high);
            }
            rows[k_y] += 2 * width->stride;
        }
        const uint32_t first = both - (high << 16) + (uint32_t)scale[0];
        output[0] = tml_portable_output(&params->rescale, scale, (int32_t)first);
        if (left > 1) {
            const int32_t second = (int32_t)(high + (uint32_t)scale[0]);
            output[params->channels] = tml_portable_output(&params->rescale, scale, second);
        }
        output += 2 * params->channels;
    }
}

/* Where the input is to be read: moved when the output would run over it. */
TML_KERNEL const int8_t *tml_portable_settle(const tml_portable_depthwise_params *params,
                                             const int8_t *input, int8_t *output)
{
    const int32_t outputs = params->height.out * params->width.out;
    const int32_t inputs = params->height.in * params->width.in;
    const uintptr_t gap = (uintptr_t)input - (uintptr_t)output;
    if (gap == 0 || gap >= (uintptr_t)(params->batches * outputs * params->channels)) {
        return input;
    }
    memmove(output, input, (size_t)(params->batches * inputs * params->channels));
    return output;
}

TML_KERNEL void tml_portable_depthwise_conv_2d_s8(const tml_portable_depthwise_params *params,
                                                  const int8_t *input, const int8_t *weights,
                                                  const int32_t *scales, int8_t *output,
                                                  uint32_t *scratch)
{
    const tml_window *height = &params->height;
    const int32_t taps = height->kernel * params->width.kernel;
    const int32_t span = (height->kernel - 1) * height->dilation + 1;
    const int32_t pixels = height->out * params->width.out;
    const int32_t step = tml_portable_words(&params->rescale);
    input = tml_portable_settle(params, input, output);

    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t c = 0; c < params->channels; ++c) {
            int32_t w[TML_PORTABLE_MOST_TAPS];
            TML_ROLLED
            for (int32_t i = 0; i < taps; ++i) {
                w[i] = weights[c * taps + i];
            }
            const int32_t *own = scales + c * step;
            const int32_t scale[4] = {own[0], own[1], own[2], own[step - 1]};
            int32_t packed = 0, slot = 0; /* the next row of the padded image, and where it goes */
            TML_ROLLED
            for (int32_t out_y = 0; out_y < height->out; ++out_y) {
                const int32_t end = out_y * height->stride + span;
                TML_ROLLED
                for (; packed < end; ++packed) {
                    if (packed >= end - span) { /* rows that no window needs are left out */
                        tml_portable_pack_row(params, input + c, packed,
                                              scratch + slot * params->row_words);
                    }
                    slot = slot + 1 == span ? 0 : slot + 1;
                }
                const uint32_t *rows[TML_PORTABLE_MOST_ROWS];
                int32_t at = slot; /* of the window's first row: the oldest */
                for (int32_t k_y = 0; k_y < height->kernel; ++k_y) {
                    rows[k_y] = scratch + at * params->row_words;
                    at += height->dilation;
                    at -= at >= span ? span : 0;
                }
                tml_portable_depthwise_row(params, rows, w, scale,
                                           output + c + out_y * params->width.out * params->channels);
            }
        }
        input += height->in * params->width.in * params->channels;
        output += pixels * params->channels;
    }
}

#endif
