/* Pairs of channels of an NHWC image of int16 values as lines of words, for depthwise_conv_2d_s16.h.
 *
 * Two channels at a time are brought into lines in scratch, a word for both of them, framed by zeros:
 *
 *        lead          elements              the rest
 *      +------+------+----------+----------+---+---------+
 *      | 0  0 | 0  0 | c0 c1 of | c0 c1 of |...| 0  0 .. |   line of `pitch` words
 *      |      |      | x = 0    | x = 1    |   |         |
 *      +------+------+----------+----------+---+---------+
 *
 * A line is a row of the image or, with the steps swapped, a column. Scratch holds the lines of a band
 * of output lines; those that the next band needs again move to the top, so that each element is read
 * once, before any output of its line is written.
 * Cost: 20 instructions per line, 8 per four elements, 10 for each one more.
 */
#ifndef TML_DSP_DEPTHWISE_PAIRS_S16_H
#define TML_DSP_DEPTHWISE_PAIRS_S16_H

#include "gemm_run_s16.h"

/* How the taps of a filter are gone through. */
enum { TML_DSP_SINGLE_TAPS = 0, TML_DSP_THREE_TAPS = 1, TML_DSP_NINE_TAPS = 2 };

typedef struct {
    int32_t batches;
    int32_t channels;
    int32_t in_step;      /* bytes from an element of an input line to the next */
    int32_t in_line_step; /* bytes from an input line to the next */
    int32_t in_lines;
    int32_t pad_lines;    /* lines of padding before the first */
    int32_t lead;         /* words before the first element of a line in scratch */
    int32_t count;        /* elements brought into a line */
    int32_t pitch;        /* words of a line */
    int32_t lines;        /* in scratch */
    int32_t kept;         /* that the next band needs again */
    int32_t line_stride;  /* lines in scratch from output line to output line */
    int32_t stride;       /* elements from output to output; of three and nine taps 1 or 2 */
    int32_t outs;         /* outputs of a line */
    int32_t out_step;
    int32_t out_line_step;
    int32_t out_lines;
    int32_t band;         /* output lines that the lines in scratch serve */
    int32_t in_bytes;     /* of all images */
    int32_t out_bytes;
    int32_t taps;
    int32_t chunk_words;  /* of the chunks of two channels */
    int32_t group_words;  /* of their stream */
    int32_t form;         /* as in gemm_run_s16.h: once or shifted */
    bool is_relu;
    bool is_clamped;
    tml_clamp clamp;
} tml_dsp_depthwise_conv_2d_s16_params;

/* Brings `count` elements that lie `step` bytes apart into words; of a channel alone with a zero. */
TML_KERNEL void tml_dsp_bring_pairs_s16(int32_t *to, const int8_t *from, int32_t count, int32_t step,
                                        bool is_pair)
{
    int32_t fours = is_pair ? count >> 2 : 0;
    if (fours > 0) {
        __asm__ volatile("1:\n\t"
                         "ldr r4, [%[from]]\n\t"
                         "ldr r5, [%[from], %[step]]\n\t"
                         "ldr r6, [%[from], %[step], lsl #1]\n\t"
                         "ldr r8, [%[from], %[step3]]\n\t"
                         "add %[from], %[from], %[step], lsl #2\n\t"
                         "subs %[fours], #1\n\t"
                         "stm %[to]!, {r4, r5, r6, r8}\n\t"
                         "bne 1b"
                         : [from] "+r"(from), [to] "+r"(to), [fours] "+r"(fours)
                         : [step] "r"(step), [step3] "r"(3 * step)
                         : "r4", "r5", "r6", "r8", "cc", "memory");
        count &= 3;
    }
    TML_ROLLED
    for (; count > 0; --count, from += step) {
        int32_t word = 0;
        memcpy(&word, from, is_pair ? 4 : 2);
        *to++ = word;
    }
}

/* The lines of the band that starts at output line `out_line`. */
TML_DSP_SHARED void tml_dsp_load_pairs_s16(const tml_dsp_depthwise_conv_2d_s16_params *params,
                                           const int8_t *input, int32_t *scratch, int32_t out_line,
                                           bool is_pair)
{
    const int32_t pitch = params->pitch;
    int32_t line = 0;
    if (out_line > 0 && params->kept > 0) {
        line = params->kept;
        const int32_t *from = scratch + (params->lines - line) * pitch;
        TML_ROLLED
        for (int32_t i = 0; i < line * pitch; ++i) {
            scratch[i] = from[i];
        }
    }
    int32_t in_line = out_line * params->line_stride - params->pad_lines + line;
    TML_ROLLED
    for (; line < params->lines; ++line, ++in_line) {
        int32_t *to = scratch + line * pitch;
        if (in_line >= 0 && in_line < params->in_lines) {
            tml_dsp_bring_pairs_s16(to + params->lead, input + in_line * params->in_line_step,
                                    params->count, params->in_step, is_pair);
        } else if (params->band < params->out_lines) { /* otherwise zero for good */
            memset(to, 0, 4 * (size_t)pitch);
        }
    }
}

#endif
