/* depthwise_line_s8.h: DEPTHWISE_CONV_2D with one column or one row of taps and stride 1, for
 * Armv7E-M: the filters of one-dimensional models.
 *
 * A line of pixels along the taps is read for four channels at a time: SXTB16 widens a word of each
 * of two pixels, PKHBT and PKHTB pair them. Scratch holds a word per channel for each two pixels:
 *
 *   x0: c0 c1 c2 c3                  h[0]: c0 of x0, x1 | c1 of x0, x1 | c2 ... | c3 ...
 *   x1: c0 c1 c2 c3   x2: ...   ->   h[1]: c0 of x2, x3 | ...
 *
 * and behind them the taps of the filter at hand (depthwise_line_block.h). Padding before and after
 * the line lies in scratch too; before it is an even number of pixels (the filter may begin with a
 * tap of 0).
 *
 * Taps: per channel. shift >= 1 and |2 * sum| < 2^31. When the channels are no multiple of four,
 * the last four overlap those before them. Otherwise it works in place if the output starts where
 * the input does (else the input is moved there) and no line reads what an earlier one wrote.
 *
 * Instructions: 18 per two pixels and four channels; 68 and 6 per tap for a channel of a line, and
 * its outputs, by fours: 34, 12 per two taps (and a tap more), 2 per 8 taps.
 */
#ifndef TML_DSP_DEPTHWISE_LINE_S8_H
#define TML_DSP_DEPTHWISE_LINE_S8_H

#include "kernels/dsp/channel_sums.h"
#include "kernels/dsp/depthwise_line_block.h"
#include "kernels/dsp/depthwise_plane.h"

typedef struct {
    int32_t batches;
    int32_t in_batch;      /* bytes of an image */
    int32_t out_batch;
    int32_t channels;
    int32_t taps;
    int32_t lines;
    int32_t in_line_step;  /* bytes from a line to the next */
    int32_t out_line_step;
    int32_t in_step;       /* bytes from a pixel of a line to the next */
    int32_t out_step;
    int32_t in_count;      /* pixels of a line that are read */
    int32_t out_count;     /* outputs of a line */
    int32_t lead_words;    /* of padding before them in scratch */
    int32_t padded_words;  /* that are filled with padding; 0 without */
    int32_t line_words;    /* of scratch, before the pairs of taps */
    int32_t pair_words;    /* of those */
    uint32_t entry;        /* of tml_depthwise_line_block, as are the next two */
    int32_t back;
    int32_t in_end;        /* bytes from the start of a channel's line */
    int32_t twice_offset;  /* 2 * output_offset + 1 */
    int32_t padding;       /* the zero point in all bytes */
    int32_t padding_pair;  /* in both halfwords */
    int32_t in_bytes;      /* of all images */
    int32_t out_bytes;
} tml_depthwise_line_params;

/* Four channels of a line into scratch: for each two pixels, a word per channel. */
TML_KERNEL void tml_depthwise_line_gather(const tml_depthwise_line_params *params,
                                          const int8_t *input, uint32_t *line)
{
    const int32_t step = params->in_step;
    TML_ROLLED
    for (int32_t left = params->in_count; left > 0; left -= 2) {
        const void *const next = left > 1 ? (const void *)(input + step) : &params->padding;
        uint32_t a = ((const tml_four_bytes *)(const void *)input)->bytes;
        uint32_t b = ((const tml_four_bytes *)next)->bytes;
        uint32_t c, d, e;
        __asm__ volatile("sxtb16 %[c], %[a]\n\t"
                         "sxtb16 %[d], %[b]\n\t"
                         "sxtb16 %[a], %[a], ror #8\n\t"
                         "sxtb16 %[b], %[b], ror #8\n\t"
                         "pkhbt %[e], %[c], %[d], lsl #16\n\t"
                         "pkhtb %[d], %[d], %[c], asr #16\n\t"
                         "pkhbt %[c], %[a], %[b], lsl #16\n\t"
                         "pkhtb %[b], %[b], %[a], asr #16\n\t"
                         "strd %[e], %[c], [%[line]], #8\n\t"
                         "strd %[d], %[b], [%[line]], #8"
                         : [a] "+&r"(a), [b] "+&r"(b), [c] "=&r"(c), [d] "=&r"(d), [e] "=&r"(e),
                           [line] "+&r"(line)
                         :
                         : "memory");
        input += 2 * step;
    }
}

/* The pairs of a filter's taps, doubled. */
TML_KERNEL void tml_depthwise_line_spread(const int8_t *taps, int32_t count, uint32_t *pairs)
{
    uint32_t before = 0, tap, pair;
    __asm__ volatile("1:\n\t"
                     "ldrsb %[tap], [%[taps]], #1\n\t"
                     "subs %[count], %[count], #1\n\t"
                     "pkhbt %[pair], %[before], %[tap], lsl #17\n\t"
                     "mov.w %[before], %[tap], lsl #1\n\t"
                     "str %[pair], [%[pairs]], #4\n\t"
                     "bne 1b"
                     : [taps] "+&r"(taps), [count] "+&r"(count), [pairs] "+&r"(pairs),
                       [before] "+&r"(before), [tap] "=&r"(tap), [pair] "=&r"(pair)
                     :
                     : "cc", "memory");
    pairs[0] = before & 0xFFFFu;
    pairs[1] = 0; /* of a step when the taps are even in number, else after the last */
}

/* One shared body for all layers of a model. */
static TML_NOINLINE __attribute__((unused)) void tml_depthwise_line_s8(
    const tml_depthwise_line_params *params, const int8_t *input, const int8_t *taps,
    const int32_t *bias, const int32_t *multiplier, const uint8_t *shift, int8_t *output,
    uint32_t *scratch)
{
    tml_depthwise_line_block block;
    uint32_t *const pairs = scratch + params->line_words;
    block.back = params->back;
    block.taps = pairs;
    block.taps_end = pairs + params->pair_words;
    block.out_step = params->out_step;
    block.left = params->out_count & 3;
    block.entry = params->entry;
    input = tml_plane_settle(input, output, params->in_bytes, params->out_bytes);
    TML_ROLLED
    for (int32_t i = params->padded_words; i > 0; --i) {
        scratch[i - 1] = (uint32_t)params->padding_pair;
    }
    TML_ROLLED
    for (int32_t c = 0; c < params->channels; c += 4) {
        const int32_t first = c + 4 <= params->channels ? c : params->channels - 4;
        const int8_t *image = input + first;
        int8_t *out_image = output + first;
        TML_ROLLED
        for (int32_t batch = params->batches; batch > 0; --batch) {
            const int8_t *in = image;
            int8_t *out = out_image;
            TML_ROLLED
            for (int32_t line = params->lines; line > 0; --line) {
                tml_depthwise_line_gather(params, in, scratch + params->lead_words);
                TML_ROLLED
                for (int32_t i = 0; i < 4; ++i) {
                    const int32_t channel = first + i;
                    tml_depthwise_line_spread(taps + channel * params->taps, params->taps, pairs);
                    block.multiplier = multiplier[channel];
                    block.shift = shift[channel];
                    block.offset = params->twice_offset * (1 << (block.shift - 1));
                    for (int32_t k = 0; k < 4; ++k) {
                        block.bias[k] = bias[channel];
                    }
                    block.in = (const char *)(scratch + i);
                    block.in_end = block.in + params->in_end;
                    block.output = out + i;
                    tml_depthwise_line_filter(&block);
                }
                in += params->in_line_step;
                out += params->out_line_step;
            }
            image += params->in_batch;
            out_image += params->out_batch;
        }
    }
}

#endif
