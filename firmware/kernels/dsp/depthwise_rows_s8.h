/* depthwise_rows_s8.h: DEPTHWISE_CONV_2D of any filter size, stride and dilation, for Armv7E-M.
 *
 * One channel at a time lies in scratch as int16 lines (depthwise_plane.h). Behind them, the taps
 * of the filter at hand are spread into words as depthwise_rows_block.h wants them; four outputs of
 * a line are computed at once, or one when the stride is 3 or more. Taps that are dilated along a
 * line have zeros between them; dilation across lines is a distance of scratch lines.
 *
 * Taps are int8, the rows of a filter one after the other, each of an even number. Sums carry a
 * factor of 256. A filter's ends are three words: 256 * bias, multiplier, and the 24 bits that
 * depthwise_3x3_s8.h describes. Linear or rounding form as there.
 *
 * Instructions per four outputs: rows of the filter * (15, 20, 26 for 3, 5, 7 taps; stride 2 the
 * same; longer ones 6.5 per two taps, plus 30) + 45, rounding 12 more; 10 per two taps and channel.
 * In place when there is one filter per channel.
 */
#ifndef TML_DSP_DEPTHWISE_ROWS_S8_H
#define TML_DSP_DEPTHWISE_ROWS_S8_H

#include "kernels/dsp/depthwise_plane.h"
#include "kernels/dsp/depthwise_rows_block.h"

typedef struct {
    tml_depthwise_plane plane;
    int32_t batches;
    int32_t in_next;    /* bytes from the end of an image's first pixel to the next image */
    int32_t out_next;   /* the same in the output */
    int32_t filters;    /* output channels */
    int32_t multiplier; /* filters per input channel */
    int32_t output_offset;
    int32_t kernel_rows;
    int32_t pairs;      /* of taps in a row of a filter */
    int32_t words;      /* in a row's stream; of each kind */
    int32_t row_bytes;  /* from a row of the filter to the next, in scratch */
    int32_t line_bytes; /* from an output line to the next, in scratch */
    int32_t out_width;  /* outputs of a line */
    int32_t stride;     /* elements from an output of a line to the next */
} tml_depthwise_rows_params;

/* Spreads the taps of one filter; returns the end of the stream. */
TML_KERNEL uint32_t *tml_depthwise_rows_spread(const tml_depthwise_rows_params *params,
                                               const int8_t *taps, uint32_t *stream, bool is_twice)
{
    TML_ROLLED
    for (int32_t row = 0; row < params->kernel_rows; ++row) {
        uint32_t before = 0;
        TML_ROLLED
        for (int32_t i = 0; i < params->words; ++i) {
            uint32_t pair = 0;
            if (i < params->pairs) {
                pair = (uint32_t)(uint8_t)taps[0] << 8 | (uint32_t)(uint8_t)taps[1] << 24;
                taps += 2;
            }
            *stream++ = pair;
            if (is_twice) {
                *stream++ = before >> 16 | pair << 16;
                before = pair;
            }
        }
    }
    return stream;
}

/* One output at a time: any stride. */
TML_KERNEL int32_t tml_depthwise_rows_one(const tml_depthwise_rows_params *params, int32_t sum,
                                          const char *in, const uint32_t *weights)
{
    TML_ROLLED
    for (int32_t row = 0; row < params->kernel_rows; ++row) {
        const tml_plane_pair *data = (const tml_plane_pair *)(const void *)in;
        TML_ROLLED
        for (int32_t i = params->words; i > 0; --i) {
            uint32_t x, w; /* data may start at an odd place: LDR, never LDRD */
            __asm__ volatile("ldr %[x], [%[data]], #4\n\t"
                             "ldr %[w], [%[weights]], #4\n\t"
                             "smlad %[sum], %[x], %[w], %[sum]"
                             : [x] "=&r"(x), [w] "=&r"(w), [data] "+&r"(data),
                               [weights] "+&r"(weights), [sum] "+&r"(sum)
                             :
                             : "memory");
        }
        in += params->row_bytes;
    }
    return sum;
}

/* The outputs of one line. */
TML_KERNEL void tml_depthwise_rows_line(const tml_depthwise_rows_params *params,
                                        const tml_depthwise_rows_end *end, const char *in,
                                        const uint32_t *stream, const uint32_t *stream_end,
                                        int8_t *output, int32_t stride, bool is_rounding)
{
    const int32_t step = params->plane.out_step;
    int32_t left = params->out_width;
    for (; left > 0 && stride <= 2; left -= 4) {
        int32_t y[4] = {end->bias, end->bias, end->bias, end->bias};
        tml_depthwise_rows_four(y, in, stream, stream_end, params->row_bytes, stride,
                                params->words);
        in += 8 * stride;
        output[0] = tml_depthwise_rows_finish(end, y[0], is_rounding);
        if (left < 4) {
            if (left > 1) {
                output[step] = tml_depthwise_rows_finish(end, y[1], is_rounding);
            }
            if (left > 2) {
                output[2 * step] = tml_depthwise_rows_finish(end, y[2], is_rounding);
            }
            return;
        }
        output[step] = tml_depthwise_rows_finish(end, y[1], is_rounding);
        output[2 * step] = tml_depthwise_rows_finish(end, y[2], is_rounding);
        output[3 * step] = tml_depthwise_rows_finish(end, y[3], is_rounding);
        output += 4 * step;
    }
    TML_ROLLED
    for (; left > 0; --left) {
        const int32_t sum = tml_depthwise_rows_one(params, end->bias, in, stream);
        *output = tml_depthwise_rows_finish(end, sum, is_rounding);
        in += 2 * params->stride;
        output += step;
    }
}

TML_KERNEL void tml_depthwise_rows(const tml_depthwise_rows_params *params, const int8_t *input,
                                   const int8_t *taps, const int32_t *ends, int8_t *output,
                                   char *scratch, int32_t stride, bool is_rounding)
{
    const tml_depthwise_plane *plane = &params->plane;
    const int32_t lines_bytes = plane->rows * plane->pitch;
    uint32_t *stream = (uint32_t *)(void *)(scratch + lines_bytes);
    input = tml_plane_settle(input, output, plane->in_bytes, plane->out_bytes);
    tml_plane_fill(scratch, lines_bytes, plane->padding);
    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        const int8_t *tap = taps;
        const int32_t *numbers = ends;
        int32_t left = params->multiplier; /* filters of the channel at hand */
        int32_t filters = params->filters;
        TML_ROLLED
        do {
            tml_depthwise_rows_end end = {numbers[0], numbers[1], numbers[2] >> 8, 0};
            int8_t *line = output++;
            int32_t out_line = 0;
            const uint32_t *stream_end
                = tml_depthwise_rows_spread(params, tap, stream, stride == 1);
            tap += 2 * params->pairs * params->kernel_rows;
            if (is_rounding) {
                end.shift = (numbers[2] >> 8) & 0xFF;
                end.offset = (2 * params->output_offset + 1) * (1 << (end.shift - 1))
                    + (numbers[2] >> 16);
            }
            numbers += 3;
            TML_ROLLED
            do {
                const char *in = scratch;
                tml_plane_load(plane, input, scratch, out_line);
                for (int32_t i = 0; i < plane->band && out_line < plane->out_lines; ++i) {
                    tml_depthwise_rows_line(params, &end, in, stream, stream_end, line, stride,
                                            is_rounding);
                    in += params->line_bytes;
                    line += plane->out_line_step;
                    ++out_line;
                }
            } while (out_line < plane->out_lines);
            if (--left == 0) {
                left = params->multiplier;
                ++input;
            }
        } while (--filters > 0);
        input += params->in_next;
        output += params->out_next;
    }
}

/* One shared body per kind of stride and form; a model keeps only those it calls. */
#define TML_DEPTHWISE_ROWS(name, stride, is_rounding) \
    static TML_NOINLINE __attribute__((unused)) void name( \
        const tml_depthwise_rows_params *params, const int8_t *input, const int8_t *taps, \
        const int32_t *ends, int8_t *output, char *scratch) \
    { \
        tml_depthwise_rows(params, input, taps, ends, output, scratch, stride, is_rounding); \
    }
TML_DEPTHWISE_ROWS(tml_depthwise_rows_s1_s8, 1, false)
TML_DEPTHWISE_ROWS(tml_depthwise_rows_s2_s8, 2, false)
TML_DEPTHWISE_ROWS(tml_depthwise_rows_any_s8, 3, false)
TML_DEPTHWISE_ROWS(tml_depthwise_rows_s1_rounding_s8, 1, true)
TML_DEPTHWISE_ROWS(tml_depthwise_rows_s2_rounding_s8, 2, true)
TML_DEPTHWISE_ROWS(tml_depthwise_rows_any_rounding_s8, 3, true)

#endif
