/* depthwise_3x3_s8.h: DEPTHWISE_CONV_2D with 3x3 taps and stride 1 or 2, for Armv7E-M (SMLAD).
 *
 * One channel at a time lies in scratch as int16 lines (depthwise_plane.h); depthwise_3x3_block.h
 * computes four outputs of a line at once.
 *
 * Weights and bias carry a factor of 256. A channel is five words in flash:
 *   filter row i: w1 | w0 << 8 | w2 << 16 | extra[i] << 24,  i = 0..2;  256 * bias;  multiplier
 * and its output is one of
 *   linear    ssat8((offset + (sum * multiplier >> 32)) >> 10)   offset = extra, 24 bits, signed
 *   rounding  ssat8(smmlar(sum >> 7, multiplier, offset + (sum < 0 ? -1 : 0)) >> n)
 *             n = extra[0], offset = 2^(n - 1) + output_offset * 2^n + (extra[1], extra[2])
 * (tinyml/ir/requant.py proves them equal to the reference.) |sum| < 2^31 with its factor.
 *
 * Instructions per output: linear 13 (stride 1), 13.75 (stride 2); rounding 3 more; gathering 2.3
 * per input element; 45 per line and 150 per channel. In place when there is one filter per channel.
 */
#ifndef TML_DSP_DEPTHWISE_3X3_S8_H
#define TML_DSP_DEPTHWISE_3X3_S8_H

#include "kernels/dsp/depthwise_3x3_block.h"
#include "kernels/dsp/depthwise_plane.h"

typedef struct {
    tml_depthwise_plane plane;
    int32_t batches;
    int32_t in_next;    /* bytes from the end of an image's first pixel to the next image */
    int32_t out_next;   /* the same in the output */
    int32_t filters;    /* output channels */
    int32_t multiplier; /* filters per input channel */
    int32_t output_offset;
    int32_t first_end;  /* bytes that the fours of a line advance in scratch, less line_bytes */
    int32_t line_bytes; /* from an output line to the next, in scratch */
    int32_t tail;       /* outputs of a line beyond the fours: 0 to 3 */
    int32_t skip;       /* bytes from there to the next line, in scratch ... */
    int32_t out_skip;   /* ... and in the output */
} tml_depthwise_3x3_params;

/* The five words of a channel, unpacked. */
TML_KERNEL void tml_depthwise_3x3_filter(tml_depthwise_3x3_state *state, const uint32_t *filter,
                                         int32_t output_offset, bool is_rounding)
{
    const uint32_t row0 = filter[0], row1 = filter[1], row2 = filter[2];
    state->weights[0] = (row0 & 0xFF00u) | row0 << 24;
    state->weights[1] = (row0 << 8) & 0xFF00FF00u;
    state->weights[2] = (row1 & 0xFF00u) | row1 << 24;
    state->weights[3] = (row1 << 8) & 0xFF00FF00u;
    state->weights[4] = (row2 & 0xFF00u) | row2 << 24;
    state->weights[5] = (row2 << 8) & 0xFF00FF00u;
    state->bias = (int32_t)filter[3];
    state->multiplier = (int32_t)filter[4];
    if (is_rounding) {
        state->shift = (int32_t)(row0 >> 24);
        state->offset = (2 * output_offset + 1) * (1 << (state->shift - 1))
            + ((int32_t)((row2 & 0xFF000000u) | (row1 >> 8 & 0xFF0000u)) >> 16);
    } else {
        state->offset
            = (int32_t)((row2 & 0xFF000000u) | (row1 >> 8 & 0xFF0000u) | row0 >> 24 << 8) >> 8;
    }
}

TML_KERNEL void tml_depthwise_3x3(const tml_depthwise_3x3_params *params, const int8_t *input,
                                  const uint32_t *filter, int8_t *output, char *scratch,
                                  int32_t stride, bool is_rounding)
{
    const tml_depthwise_plane *plane = &params->plane;
    tml_depthwise_3x3_state state;
    state.line_bytes = params->line_bytes;
    state.skip = params->skip;
    state.out_skip = params->out_skip;
    state.tail = params->tail;
    input = tml_plane_settle(input, output, plane->in_bytes, plane->out_bytes);
    tml_plane_fill(scratch, plane->rows * plane->pitch, plane->padding);
    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        int32_t left = params->multiplier; /* filters of the channel at hand */
        int32_t filters = params->filters;
        TML_ROLLED
        do {
            int8_t *line = output++;
            int32_t out_line = 0;
            tml_depthwise_3x3_filter(&state, filter, params->output_offset, is_rounding);
            filter += 5;
            TML_ROLLED
            do {
                int32_t lines = plane->out_lines - out_line;
                lines = lines < plane->band ? lines : plane->band;
                tml_plane_load(plane, input, scratch, out_line);
                /* may lie before scratch: an address to compare with, not a place in it */
                state.end = (const char *)((intptr_t)scratch + params->first_end);
                state.last = scratch + lines * params->line_bytes;
                tml_depthwise_3x3_lines(&state, scratch, plane->pitch, line, plane->out_step,
                                        stride, is_rounding);
                line += plane->band * plane->out_line_step;
                out_line += plane->band;
            } while (out_line < plane->out_lines);
            if (--left == 0) {
                left = params->multiplier;
                ++input;
            }
        } while (--filters > 0);
        filter -= 5 * params->filters;
        input += params->in_next;
        output += params->out_next;
    }
}

/* One shared body per stride and form; a model keeps only those it calls. */
#define TML_DEPTHWISE_3X3(name, stride, is_rounding) \
    static TML_NOINLINE __attribute__((unused)) void name( \
        const tml_depthwise_3x3_params *params, const int8_t *input, const uint32_t *filters, \
        int8_t *output, char *scratch) \
    { \
        tml_depthwise_3x3(params, input, filters, output, scratch, stride, is_rounding); \
    }
TML_DEPTHWISE_3X3(tml_depthwise_3x3_s1_s8, 1, false)
TML_DEPTHWISE_3X3(tml_depthwise_3x3_s2_s8, 2, false)
TML_DEPTHWISE_3X3(tml_depthwise_3x3_s1_rounding_s8, 1, true)
TML_DEPTHWISE_3X3(tml_depthwise_3x3_s2_rounding_s8, 2, true)

#endif
