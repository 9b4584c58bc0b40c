/* depthwise_conv_2d_s8.h: DEPTHWISE_CONV_2D with one filter per channel, for the ESP32-S3's vector unit.
 *
 * Sixteen channels of an output pixel at a time: their sums (depthwise_sums.h) are taken apart into general
 * registers and rescaled there. Where all taps lie inside the image they are read one after the other, else over
 * a list of where each is. An output pixel is finished before the next one. Scratch: 64 bytes, one per channel, 4 per tap.
 * Instructions per 16 channels: 2 per tap of aligned pixels, 4 of others, 7 near the edge; 30; 13 per output.
 */
#ifndef TML_PIE_DEPTHWISE_CONV_2D_S8_H
#define TML_PIE_DEPTHWISE_CONV_2D_S8_H

#include "kernels/pie/depthwise_sums.h"

/* Sum number `lane` of 8 that lie in 5 words, 20 bits each. */
TML_KERNEL int32_t tml_pie_lane(const uint32_t words[5], int32_t lane)
{
    const int32_t at = 20 * lane;
    const int32_t word = at / 32, shift = at % 32;
    if (shift <= 12) {
        return (int32_t)(words[word] << (12 - shift)) >> 12;
    }
    const uint32_t high = words[word + 1] << (44 - shift);
    return (int32_t)((int32_t)high >> 12 | (int32_t)(words[word] >> shift));
}

/* Outputs of up to 16 channels. */
TML_KERNEL void tml_pie_depthwise_outputs(const tml_pie_depthwise_params *params, int32_t count,
                                          const uint32_t *sums, const int32_t *words, int8_t *output)
{
    const int32_t step = tml_portable_words(&params->rescale);
    TML_ROLLED
    for (int32_t half = 0; half < count; half += 8) {
        const uint32_t lanes[5] = {sums[0], sums[1], sums[2], sums[3], sums[4]};
        TML_OPAQUE(words); /* or offsets from the middle of the channels' words would be negative */
        TML_OPAQUE(output);
        TML_UNROLLED
        for (int32_t i = 0; i < 8; ++i) {
            if (half + i < count) {
                const int32_t sum = tml_pie_lane(lanes, i);
                const int32_t *own = words + i * step;
                output[i] = tml_portable_output(&params->rescale, own, sum + own[0]);
            }
        }
        sums += 8;
        words += 8 * step;
        output += 8;
    }
}

/* What outputs of a pixel are made from. */
typedef struct {
    const int8_t *first; /* what its first tap reads; NULL where taps were found one by one */
    bool is_aligned;     /* to 16 bytes, and all other taps with it */
} tml_pie_pixel;

/* Up to 16 channels of a pixel. */
TML_KERNEL void tml_pie_depthwise_group(const tml_pie_depthwise_params *params, const tml_pie_pixel *pixel,
                                        int32_t from, int32_t count, const int8_t *weights,
                                        const int32_t *words, const tml_pie_depthwise_scratch *scratch,
                                        int8_t *output)
{
    weights += from * params->height.kernel * params->width.kernel;
    if (pixel->first == NULL) {
        tml_pie_add_found_taps(params, from, count, weights, scratch);
    } else if (pixel->is_aligned && params->channels % TML_PIE_LANES == 0) {
        tml_pie_add_whole_window(params, pixel->first + from, count, weights, true);
    } else {
        tml_pie_add_whole_window(params, pixel->first + from, count, weights, false);
    }
    tml_pie_store_sums(scratch->sums);
    tml_pie_depthwise_outputs(params, count, scratch->sums, words + from * tml_portable_words(&params->rescale),
                              output + from);
}

TML_KERNEL void tml_pie_depthwise_conv_2d_s8(const tml_pie_depthwise_params *params, const int8_t *input,
                                             const int8_t *weights, const int32_t *words, int8_t *output,
                                             int8_t *memory)
{
    const int32_t channels = params->channels;
    const int32_t whole = channels / TML_PIE_LANES * TML_PIE_LANES;
    const tml_pie_depthwise_scratch scratch = {
        (uint32_t *)(void *)memory,
        memory + TML_PIE_SUMS_BYTES,
        (const int8_t **)(void *)(memory + TML_PIE_SUMS_BYTES + (channels + 3) / 4 * 4),
    };
    memset(scratch.padding, params->padding_value, (size_t)channels);
    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t out_y = 0; out_y < params->height.out; ++out_y) {
            const tml_taps rows = tml_taps_of(&params->height, out_y);
            TML_ROLLED
            for (int32_t out_x = 0; out_x < params->width.out; ++out_x) {
                const tml_taps columns = tml_taps_of(&params->width, out_x);
                tml_pie_pixel pixel = {NULL, ((uintptr_t)input & (TML_PIE_LANES - 1)) == 0};
                if (tml_taps_are_all(&params->height, &rows) && tml_taps_are_all(&params->width, &columns)) {
                    pixel.first = input + (rows.input * params->width.in + columns.input) * channels;
                } else {
                    tml_pie_find_taps(params, input, &rows, &columns, &scratch);
                }
                TML_ROLLED
                for (int32_t from = 0; from < whole; from += TML_PIE_LANES) {
                    tml_pie_depthwise_group(params, &pixel, from, TML_PIE_LANES, weights, words, &scratch,
                                            output);
                }
                if (whole < channels) {
                    tml_pie_depthwise_group(params, &pixel, whole, channels - whole, weights, words, &scratch,
                                            output);
                }
                output += channels;
            }
        }
        input += params->height.in * params->width.in * channels;
    }
}

#endif
