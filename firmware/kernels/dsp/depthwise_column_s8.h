/* depthwise_column_s8.h: DEPTHWISE_CONV_2D with one column or one row of taps and no padding, for
 * Armv7E-M: the filters of one-dimensional models.
 *
 * Four channels of a pixel are one 32-bit load, and so are their four taps; SXTB16 spreads both:
 *
 *   pixel     c0 | c1 | c2 | c3   ->   x02 = (c0, c2)   x13 = (c1, c3)
 *   taps      w0 | w1 | w2 | w3   ->   w02 = (w0, w2)   w13 = (w1, w3)
 *
 *   a0 += x02.b * w02.b     a2 += x02.t * w02.t     a1 += x13.b * w13.b     a3 += x13.t * w13.t
 *
 * Nothing is gathered, weights keep the layout of the model: tap, channel. Outputs are finished
 * pixel after pixel; when the channels are no multiple of four, the last four overlap those before
 * them. Rounding form of tinyml/ir/requant.py:
 *
 *   output = ssat8((smmlar(2 * sum, multiplier, (2 * offset + 1) << halvings + (sum < 0 ? -1 : 0))
 *            >> halvings) >> 1)                       halvings = shift - 1 >= 0, |2 * sum| < 2^31
 *
 * Instructions per four outputs: 13.5 per tap and 58; 40 per pixel.
 */
#ifndef TML_DSP_DEPTHWISE_COLUMN_S8_H
#define TML_DSP_DEPTHWISE_COLUMN_S8_H

#include "tml.h"

typedef struct {
    int32_t batches;
    int32_t in_batch;    /* bytes of an image */
    int32_t in_row_step; /* bytes from the window of an output to the one below it */
    int32_t in_step;     /* bytes from the window of an output to the next of its row */
    int32_t tap_step;    /* bytes from the pixel under a tap to the one under the next */
    int32_t taps;
    int32_t channels;
    int32_t out_height;
    int32_t out_width;
    int32_t output_offset;
} tml_depthwise_column_params;

/* One tap of four channels. */
#define TML_DWC_TAP \
    "ldr %[x13], [%[in]]\n\t" \
    "ldr %[w13], [%[weights]]\n\t" \
    "add %[in], %[in], %[tap_step]\n\t" \
    "add %[weights], %[weights], %[channels]\n\t" \
    "sxtb16 %[x02], %[x13]\n\t" \
    "sxtb16 %[w02], %[w13]\n\t" \
    "sxtb16 %[x13], %[x13], ror #8\n\t" \
    "sxtb16 %[w13], %[w13], ror #8\n\t" \
    "smlabb %[a0], %[x02], %[w02], %[a0]\n\t" \
    "smlatt %[a2], %[x02], %[w02], %[a2]\n\t" \
    "smlabb %[a1], %[x13], %[w13], %[a1]\n\t" \
    "smlatt %[a3], %[x13], %[w13], %[a3]\n\t"

/* From a sum to an int8; a shift takes its count from the lowest byte of w02, the halvings. */
#define TML_DWC_FINISH(sum) \
    "ldr %[x02], [%[in]], #4\n\t" \
    "lsl %[x13], %[left], %[w02]\n\t" \
    "lsl %[" sum "], %[" sum "], #1\n\t" \
    "add %[x13], %[x13], %[" sum "], asr #31\n\t" \
    "smmlar %[" sum "], %[" sum "], %[x02], %[x13]\n\t" \
    "asr %[" sum "], %[" sum "], %[w02]\n\t" \
    "ssat %[" sum "], #8, %[" sum "], asr #1\n\t" \
    "strb %[" sum "], [%[w13]], #1\n\t"
#define TML_DWC_NEXT "lsr %[w02], %[w02], #8\n\t"

/* What the loop below finds at fixed places. */
typedef struct {
    const int8_t *in;
    const int8_t *weights;
    const int32_t *multiplier;
    const uint8_t *halvings;
    const int32_t *bias;
    int8_t *output;
    int32_t taps;
    int32_t zero; /* 2 * output_offset + 1 */
    int32_t fours;
} tml_depthwise_column_state;

/* `fours` groups of four channels of one output pixel. Registers: four sums, two data and two
 * weight words, both pointers and their steps, the taps left, the state. */
TML_KERNEL void tml_depthwise_column_fours(tml_depthwise_column_state *state, int32_t tap_step,
                                           int32_t channels)
{
    const int8_t *in, *weights;
    int32_t a0, a1, a2, a3, left;
    uint32_t x02, x13, w02, w13;
    __asm__ volatile(
        "0:\n\t"
        "ldr %[x02], [%[k], #16]\n\t"
        "ldrd %[in], %[weights], [%[k]]\n\t"
        "ldr %[left], [%[k], #24]\n\t"
        "ldrd %[a0], %[a1], [%[x02]], #8\n\t"
        "ldrd %[a2], %[a3], [%[x02]], #8\n\t"
        "add %[w02], %[in], #4\n\t"
        "add %[w13], %[weights], #4\n\t"
        "str %[x02], [%[k], #16]\n\t"
        "strd %[w02], %[w13], [%[k]]\n\t"
        "lsrs %[left], %[left], #1\n\t" /* carry: an odd number of taps */
        "bcs 2f\n"
        "1:\n\t" TML_DWC_TAP
        "sub %[left], %[left], #1\n"
        "2:\n\t" TML_DWC_TAP
        "cmp %[left], #0\n\t"
        "bne 1b\n\t"
        "ldrd %[in], %[weights], [%[k], #8]\n\t" /* multipliers and halvings from here on */
        "ldr %[w13], [%[k], #20]\n\t"
        "ldr %[left], [%[k], #28]\n\t"
        "ldr %[w02], [%[weights]], #4\n\t"
        TML_DWC_FINISH("a0") TML_DWC_NEXT TML_DWC_FINISH("a1") TML_DWC_NEXT
        TML_DWC_FINISH("a2") TML_DWC_NEXT TML_DWC_FINISH("a3")
        "ldr %[left], [%[k], #32]\n\t"
        "strd %[in], %[weights], [%[k], #8]\n\t"
        "str %[w13], [%[k], #20]\n\t"
        "subs %[left], %[left], #1\n\t"
        "str %[left], [%[k], #32]\n\t"
        "bne 0b"
        : [in] "=&r"(in), [weights] "=&r"(weights), [left] "=&r"(left), [a0] "=&r"(a0),
          [a1] "=&r"(a1), [a2] "=&r"(a2), [a3] "=&r"(a3), [x02] "=&r"(x02), [x13] "=&r"(x13),
          [w02] "=&r"(w02), [w13] "=&r"(w13)
        : [k] "r"(state), [tap_step] "r"(tap_step), [channels] "r"(channels)
        : "cc", "memory");
}

/* One shared body for all layers of a model. */
static TML_NOINLINE __attribute__((unused)) void tml_depthwise_column_s8(
    const tml_depthwise_column_params *params, const int8_t *input, const int8_t *weights,
    const int32_t *bias, const int32_t *multiplier, const uint8_t *halvings, int8_t *output)
{
    const int32_t channels = params->channels;
    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t y = 0; y < params->out_height; ++y) {
            const int8_t *in = input + y * params->in_row_step;
            TML_ROLLED
            for (int32_t x = 0; x < params->out_width; ++x) {
                int32_t first = 0;
                int32_t fours = channels >> 2;
                TML_ROLLED
                while (first < channels) {
                    tml_depthwise_column_state state = {
                        in + first, weights + first, multiplier + first, halvings + first,
                        bias + first, output + first, params->taps, 2 * params->output_offset + 1,
                        fours};
                    tml_depthwise_column_fours(&state, params->tap_step, channels);
                    first = first == 0 && (channels & 3) != 0 ? channels - 4 : channels;
                    fours = 1;
                }
                in += params->in_step;
                output += channels;
            }
        }
        input += params->in_batch;
    }
}

#endif
