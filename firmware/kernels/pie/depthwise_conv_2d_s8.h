/* depthwise_conv_2d_s8.h: DEPTHWISE_CONV_2D with one filter per channel, for the ESP32-S3's vector unit.
 *
 * Sixteen channels of an output pixel at a time (8 where there are no more): their sums (depthwise_sums.h)
 * become outputs as lanes.h says. Where all taps lie inside the image they are read one after the other, else over
 * a list of where each is. An output pixel is finished before the next one.
 * Scratch: 128 bytes, channels filled up to 16, one byte per channel, 4 per tap.
 * Instructions per 16 channels: 2 per tap of aligned pixels, 4 of others, 7 near the edge; 20; those of lanes.h. Where
 * sums could leave 20 bits: 11 per tap, 110 each time that they are added up in memory.
 */
#ifndef TML_PIE_DEPTHWISE_CONV_2D_S8_H
#define TML_PIE_DEPTHWISE_CONV_2D_S8_H

#include "kernels/pie/depthwise_sums.h"

/* What outputs of a pixel are made from. */
typedef struct {
    const int8_t *first; /* what its first tap reads; NULL where taps were found one by one */
    bool is_aligned;     /* to 16 bytes, and all other taps with it */
} tml_pie_pixel;

/* Up to 16 channels of a pixel. */
TML_KERNEL void tml_pie_depthwise_group(const tml_pie_depthwise_params *params, const tml_pie_pixel *pixel,
                                        int32_t from, int32_t count, const int8_t *weights,
                                        const int32_t *scales, const tml_pie_depthwise_scratch *scratch)
{
    weights += from * params->height.kernel * params->width.kernel;
    const bool is_split = params->taps_added > 0;
    if (is_split) {
        tml_pie_add_taps_in_parts(params, from, count, weights, scales, scratch);
    } else if (pixel->first == NULL) {
        tml_pie_add_found_taps(params, from, count, weights, scratch);
    } else if (pixel->is_aligned && params->channels % TML_PIE_LANES == 0) {
        tml_pie_add_whole_window(params, pixel->first + from, count, weights, true);
    } else {
        tml_pie_add_whole_window(params, pixel->first + from, count, weights, false);
    }
    const int32_t *own = scales + TML_PIE_MASKS + from / params->lanes * tml_pie_words(&params->rescale, params->lanes);
    const tml_pie_words_of words = {scales, own};
    tml_pie_finish(&params->rescale, params->lanes, is_split, &words, scratch->sums, scratch->outputs + from);
}

/* All channels of a pixel. */
TML_KERNEL void tml_pie_depthwise_pixel(const tml_pie_depthwise_params *params, const tml_pie_pixel *pixel,
                                        const int8_t *weights, const int32_t *scales,
                                        const tml_pie_depthwise_scratch *scratch, int8_t *output)
{
    TML_ROLLED
    for (int32_t from = 0; from < params->channels; from += params->lanes) {
        const int32_t left = params->channels - from;
        const int32_t count = params->channels % params->lanes == 0 || left > params->lanes ? params->lanes : left;
        tml_pie_depthwise_group(params, pixel, from, count, weights, scales, scratch);
    }
    tml_pie_put(output, scratch->outputs, params->channels);
}

TML_KERNEL void tml_pie_depthwise_conv_2d_s8(const tml_pie_depthwise_params *params, const int8_t *input,
                                             const int8_t *weights, const int32_t *scales, int8_t *output,
                                             int8_t *memory)
{
    const int32_t channels = params->channels;
    int8_t *padding = memory + 2 * TML_PIE_SUMS_BYTES + (channels + 15) / 16 * 16;
    const tml_pie_depthwise_scratch scratch = {
        memory,
        memory + 2 * TML_PIE_SUMS_BYTES,
        padding,
        (const int8_t **)(void *)(padding + (channels + 3) / 4 * 4),
    };
    memset(padding, params->padding_value, (size_t)channels);
    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t out_y = 0; out_y < params->height.out; ++out_y) {
            const tml_taps rows = tml_taps_of(&params->height, out_y);
            TML_ROLLED
            for (int32_t out_x = 0; out_x < params->width.out; ++out_x) {
                const tml_taps columns = tml_taps_of(&params->width, out_x);
                tml_pie_pixel pixel = {NULL, ((uintptr_t)input & (TML_PIE_LANES - 1)) == 0};
                if (params->taps_added == 0 && tml_taps_are_all(&params->height, &rows)
                    && tml_taps_are_all(&params->width, &columns)) {
                    pixel.first = input + (rows.input * params->width.in + columns.input) * channels;
                } else {
                    tml_pie_find_taps(params, input, &rows, &columns, &scratch);
                }
                tml_pie_depthwise_pixel(params, &pixel, weights, scales, &scratch, output);
                output += channels;
            }
        }
        input += params->height.in * params->width.in * channels;
    }
}

#endif
