/* depthwise_conv_2d_s8.h: DEPTHWISE_CONV_2D with one filter per channel, for the ESP32-S3's vector unit.
 *
 *   16 channels    x x x x x x x x x x x x x x x x     of the pixel under a tap, at any address: two lines, shifted
 *   weights      * w w w w w w w w w w w w w w w w     of the tap; next ones are loaded meanwhile
 *   QACC        += s s s s s s s s s s s s s s s s     20 bits each, then taken apart into general registers
 *
 * The compiler proves that sums of a filter's products fit 20 bits. Pixels outside the image are 16 times the
 * padding's value. No line is read of which no byte is wanted; channels that fill no 16 leave lanes unused.
 *
 * An output pixel is finished before the next one. Scratch: 80 bytes, and 4 per tap.
 * Instructions per pixel: 6 per tap; per 16 channels 9 per tap and 80; 14 per output.
 */
#ifndef TML_PIE_DEPTHWISE_CONV_2D_S8_H
#define TML_PIE_DEPTHWISE_CONV_2D_S8_H

#include "kernels/portable/rescale.h"
#include "tml_window.h"

typedef struct {
    int32_t batches;
    tml_window height;
    tml_window width;
    int32_t channels;
    int32_t padding_value;
    tml_portable_rescale rescale;
} tml_pie_depthwise_params;

#define TML_PIE_LANES 16

/* What a pixel's taps need. */
typedef struct {
    uint32_t sums[16];             /* 16 of 20 bits: 5 words, 3 unused, 5 words, 3 unused */
    int8_t padding[TML_PIE_LANES]; /* a pixel outside the image */
    const int8_t *tap[];           /* where each tap's pixel is; NULL outside the image */
} tml_pie_depthwise_scratch;

/* Finds the pixels under the taps of an output. */
TML_KERNEL void tml_pie_find_taps(const tml_pie_depthwise_params *params, const int8_t *input,
                                  const tml_taps *rows, const tml_taps *columns, const int8_t **tap)
{
    const int32_t step = params->width.dilation * params->channels;
    TML_ROLLED
    for (int32_t k_y = 0; k_y < params->height.kernel; ++k_y) {
        const bool is_row = k_y >= rows->start && k_y < rows->end;
        const int32_t in_y = rows->input + k_y * params->height.dilation;
        const int8_t *at = input + (in_y * params->width.in + columns->input) * params->channels;
        TML_ROLLED
        for (int32_t k_x = 0; k_x < params->width.kernel; ++k_x) {
            *tap++ = is_row && k_x >= columns->start && k_x < columns->end ? at : NULL;
            at += step;
        }
    }
}

/* Sums of up to 16 channels from one on, into scratch. */
TML_KERNEL void tml_pie_add_taps(const tml_pie_depthwise_params *params, int32_t channel, int32_t count,
                                 const int8_t *weights, tml_pie_depthwise_scratch *scratch)
{
    const int32_t taps = params->height.kernel * params->width.kernel;
    const bool is_padded = params->height.pad + params->height.pad_after + params->width.pad
        + params->width.pad_after > 0;
    __asm__ volatile("ee.zero.qacc\n\t"
                     "ee.vld.128.ip q3, %[w], 16"
                     : [w] "+r"(weights)
                     :
                     : "memory");
    TML_ROLLED
    for (int32_t i = 0; i < taps; ++i) {
        const int8_t *x = scratch->tap[i];
        const int8_t *from = is_padded && x == NULL ? scratch->padding : x + channel;
        const int8_t *last = from + count - 1;
        __asm__ volatile("ee.ld.128.usar.ip q0, %[x], 0\n\t"
                         "ee.vld.128.ip q1, %[last], 0\n\t"
                         "mv.qr q4, q3\n\t"
                         "ee.src.q q2, q0, q1\n\t"
                         "ee.vmulas.s8.qacc.ld.ip q3, %[w], 16, q2, q4"
                         : [w] "+r"(weights), [x] "+r"(from), [last] "+r"(last)
                         :
                         : "memory");
    }
    uint32_t *sums = scratch->sums;
    __asm__ volatile("ee.st.qacc_l.l.128.ip %[sums], 16\n\t"
                     "ee.st.qacc_l.h.32.ip %[sums], 16\n\t"
                     "ee.st.qacc_h.l.128.ip %[sums], 16\n\t"
                     "ee.st.qacc_h.h.32.ip %[sums], 0"
                     : [sums] "+r"(sums)
                     :
                     : "memory");
}

/* Sum number `lane` of 8 that lie in 5 words, 20 bits each. */
TML_KERNEL int32_t tml_pie_lane(const uint32_t *words, int32_t lane)
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
    TML_UNROLLED
    for (int32_t i = 0; i < TML_PIE_LANES; ++i) {
        if (i < count) {
            const int32_t sum = tml_pie_lane(sums + i / 8 * 8, i % 8);
            output[i] = tml_portable_output(&params->rescale, words + 3 * i, sum + words[3 * i]);
        }
    }
}

/* Up to 16 channels of a pixel, whose taps are found. */
TML_KERNEL void tml_pie_depthwise_group(const tml_pie_depthwise_params *params, int32_t from, int32_t count,
                                        const int8_t *weights, const int32_t *words,
                                        tml_pie_depthwise_scratch *scratch, int8_t *output)
{
    const int32_t taps = params->height.kernel * params->width.kernel;
    tml_pie_add_taps(params, from, count, weights + from * taps, scratch);
    tml_pie_depthwise_outputs(params, count, scratch->sums, words + 3 * from, output + from);
}

TML_KERNEL void tml_pie_depthwise_conv_2d_s8(const tml_pie_depthwise_params *params, const int8_t *input,
                                             const int8_t *weights, const int32_t *words, int8_t *output,
                                             int8_t *memory)
{
    tml_pie_depthwise_scratch *scratch = (tml_pie_depthwise_scratch *)(void *)memory;
    const int32_t channels = params->channels;
    const int32_t whole = channels / TML_PIE_LANES * TML_PIE_LANES;
    memset(scratch->padding, params->padding_value, TML_PIE_LANES);
    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t out_y = 0; out_y < params->height.out; ++out_y) {
            const tml_taps rows = tml_taps_of(&params->height, out_y);
            TML_ROLLED
            for (int32_t out_x = 0; out_x < params->width.out; ++out_x) {
                const tml_taps columns = tml_taps_of(&params->width, out_x);
                tml_pie_find_taps(params, input, &rows, &columns, scratch->tap);
                TML_ROLLED
                for (int32_t from = 0; from < whole; from += TML_PIE_LANES) {
                    tml_pie_depthwise_group(params, from, TML_PIE_LANES, weights, words, scratch, output);
                }
                if (whole < channels) {
                    tml_pie_depthwise_group(params, whole, channels - whole, weights, words, scratch, output);
                }
                output += channels;
            }
        }
        input += params->height.in * params->width.in * channels;
    }
}

#endif
