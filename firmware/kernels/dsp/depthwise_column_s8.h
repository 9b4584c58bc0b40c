/* depthwise_column_s8.h: DEPTHWISE_CONV_2D with one column or one row of taps and no padding, for
 * Armv7E-M: the filters of one-dimensional models.
 *
 * Four channels of a pixel are one 32-bit load; SXTB16 spreads them. Their taps, doubled, are
 * spread once for all pixels into scratch, where all else about the four channels is prepared too:
 *
 *   pixel     c0 | c1 | c2 | c3   ->   x02 = (c0, c2)   x13 = (c1, c3)
 *   taps                               w02 = (w0, w2)   w13 = (w1, w3)
 *
 *   a0 += x02.b * w02.b     a2 += x02.t * w02.t     a1 += x13.b * w13.b     a3 += x13.t * w13.t
 *
 * Nothing is gathered, weights keep the layout of the model: tap, channel. When the channels are no
 * multiple of four, the last four overlap those before them; otherwise it works in place if the
 * output starts where the input does (else the input is moved there). Rounding form of
 * tinyml/ir/requant.py, |2 * sum| < 2^31, halvings = shift - 1 >= 0:
 *
 *   output = ssat8((smmlar(2 * sum, multiplier, (2 * output_offset + 1) << halvings
 *                   + (sum < 0 ? -1 : 0)) >> halvings) >> 1)
 *
 * Instructions per four outputs: 9.5 per tap and 41; per four channels 10 per tap and 80.
 */
#ifndef TML_DSP_DEPTHWISE_COLUMN_S8_H
#define TML_DSP_DEPTHWISE_COLUMN_S8_H

#include "kernels/dsp/channel_sums.h"
#include "kernels/dsp/depthwise_plane.h"

typedef struct {
    int32_t batches;
    int32_t in_batch;      /* bytes of an image */
    int32_t out_batch;
    int32_t tap_step;      /* bytes from the pixel under a tap to the one under the next */
    int32_t taps;
    int32_t channels;
    int32_t lines;         /* of outputs: rows, or one column */
    int32_t in_line_step;  /* bytes from the first window of a line to that of the next */
    int32_t out_line_step;
    int32_t in_step;       /* bytes from a window to the next of its line */
    int32_t out_step;
    int32_t out_count;     /* outputs of a line */
    int32_t output_offset;
    int32_t in_bytes;      /* of all images */
    int32_t out_bytes;
} tml_depthwise_column_params;

/* What the loop finds at fixed places in scratch: four channels, ready for use. */
typedef struct {
    int32_t bias[4];      /* doubled */
    int32_t rescaling[8]; /* multiplier and offset of each channel */
    uint32_t halvings;    /* a byte each */
    const int8_t *in;     /* the window at hand; a tap before it when their number is odd */
    int32_t in_step;
    int32_t out_step;
    const int8_t *out_end; /* the weights follow, per tap w02 and w13 */
} tml_depthwise_column_state;

#define TML_DWC_TAP(pixel) \
    "ldr %[x13], [%[in]" pixel "]\n\t" \
    "ldrd %[w02], %[w13], [%[weights]], #8\n\t" \
    "sxtb16 %[x02], %[x13]\n\t" \
    "sxtb16 %[x13], %[x13], ror #8\n\t" \
    "smlabb %[a0], %[x02], %[w02], %[a0]\n\t" \
    "smlatt %[a2], %[x02], %[w02], %[a2]\n\t" \
    "smlabb %[a1], %[x13], %[w13], %[a1]\n\t" \
    "smlatt %[a3], %[x13], %[w13], %[a3]\n\t"
/* From a sum to an int8; a shift takes its count from the lowest byte of x13, the halvings. */
#define TML_DWC_FINISH(sum, rescaling, at) \
    "ldrd %[w02], %[w13], [%[k], #" rescaling "]\n\t" \
    "add %[w13], %[w13], %[" sum "], asr #31\n\t" \
    "smmlar %[" sum "], %[" sum "], %[w02], %[w13]\n\t" \
    "asr %[" sum "], %[" sum "], %[x13]\n\t" \
    "ssat %[" sum "], #8, %[" sum "], asr #1\n\t" \
    "strb %[" sum "], [%[out], #" at "]\n\t"
#define TML_DWC_NEXT "lsr %[x13], %[x13], #8\n\t"

/* Four channels of a line of outputs. Registers: four sums, two data and two weight words, their
 * pointers, the distance of the taps, the end of the weights, the output, the state. */
TML_KERNEL void tml_depthwise_column_line(tml_depthwise_column_state *state, int8_t *output,
                                          int32_t tap_step, int32_t taps)
{
    const int8_t *in;
    const uint32_t *weights;
    const uint32_t *const end = (uint32_t *)(void *)(state + 1) + 2 * taps;
    int32_t a0, a1, a2, a3;
    uint32_t x02, x13, w02, w13;
    __asm__ volatile(
        "0:\n\t"
        "ldrd %[in], %[x02], [%[k], #52]\n\t"
        "ldrd %[a0], %[a1], [%[k]]\n\t"
        "ldrd %[a2], %[a3], [%[k], #8]\n\t"
        "add %[x02], %[in], %[x02]\n\t"
        "str %[x02], [%[k], #52]\n\t"
        "add %[weights], %[k], #68\n\t"
        "sub %[x02], %[end], %[weights]\n\t"
        "lsls %[x02], %[x02], #29\n\t" /* carry: an odd number of taps */
        "bcs 2f\n"
        "1:\n\t" TML_DWC_TAP("")
        "2:\n\t" TML_DWC_TAP(", %[tap_step]")
        "add %[in], %[in], %[tap_step], lsl #1\n\t"
        "cmp %[weights], %[end]\n\t"
        "bne 1b\n\t"
        "ldr %[x13], [%[k], #48]\n\t"
        TML_DWC_FINISH("a0", "16", "0") TML_DWC_NEXT TML_DWC_FINISH("a1", "24", "1") TML_DWC_NEXT
        TML_DWC_FINISH("a2", "32", "2") TML_DWC_NEXT TML_DWC_FINISH("a3", "40", "3")
        "ldrd %[x02], %[x13], [%[k], #60]\n\t"
        "add %[out], %[out], %[x02]\n\t"
        "cmp %[out], %[x13]\n\t"
        "bne 0b"
        : [in] "=&r"(in), [weights] "=&r"(weights), [out] "+&r"(output), [a0] "=&r"(a0),
          [a1] "=&r"(a1), [a2] "=&r"(a2), [a3] "=&r"(a3), [x02] "=&r"(x02), [x13] "=&r"(x13),
          [w02] "=&r"(w02), [w13] "=&r"(w13)
        : [k] "r"(state), [tap_step] "r"(tap_step), [end] "r"(end)
        : "cc", "memory");
}

/* Prepares four channels. */
TML_KERNEL void tml_depthwise_column_prepare(const tml_depthwise_column_params *params,
                                             const int8_t *weights, const int32_t *bias,
                                             const int32_t *multiplier, const uint8_t *halvings,
                                             tml_depthwise_column_state *state)
{
    uint32_t *spread = (uint32_t *)(void *)(state + 1);
    state->in_step = params->in_step;
    state->out_step = params->out_step;
    state->halvings = ((const tml_four_bytes *)(const void *)halvings)->bytes;
    TML_ROLLED
    for (int32_t i = 0; i < 4; ++i) {
        state->bias[i] = 2 * bias[i];
        state->rescaling[2 * i] = multiplier[i];
        state->rescaling[2 * i + 1] = (2 * params->output_offset + 1) * (1 << halvings[i]);
    }
    TML_ROLLED
    for (int32_t tap = params->taps; tap > 0; --tap) {
        const uint32_t four = ((const tml_four_bytes *)(const void *)weights)->bytes;
        uint32_t w02, w13;
        __asm__("sxtb16 %0, %2\n\tsxtb16 %1, %2, ror #8\n\t"
                "sadd16 %0, %0, %0\n\tsadd16 %1, %1, %1"
                : "=&r"(w02), "=r"(w13)
                : "r"(four)
                : "cc");
        *spread++ = w02;
        *spread++ = w13;
        weights += params->channels;
    }
}

/* One shared body for all layers of a model. */
static TML_NOINLINE __attribute__((unused)) void tml_depthwise_column_s8(
    const tml_depthwise_column_params *params, const int8_t *input, const int8_t *weights,
    const int32_t *bias, const int32_t *multiplier, const uint8_t *halvings, int8_t *output,
    uint32_t *scratch)
{
    tml_depthwise_column_state *state = (tml_depthwise_column_state *)(void *)scratch;
    const int32_t channels = params->channels;
    const int32_t before = params->taps & 1 ? params->tap_step : 0;
    input = tml_plane_settle(input, output, params->in_bytes, params->out_bytes);
    TML_ROLLED
    for (int32_t c = 0; c < channels; c += 4) {
        const int32_t first = c + 4 <= channels ? c : channels - 4;
        const int8_t *image = input + first;
        int8_t *out_image = output + first;
        tml_depthwise_column_prepare(params, weights + first, bias + first, multiplier + first,
                                     halvings + first, state);
        TML_ROLLED
        for (int32_t batch = 0; batch < params->batches; ++batch) {
            const int8_t *in = image - before;
            int8_t *out = out_image;
            TML_ROLLED
            for (int32_t line = params->lines; line > 0; --line) {
                state->in = in;
                state->out_end = out + params->out_count * params->out_step;
                tml_depthwise_column_line(state, out, params->tap_step, params->taps);
                in += params->in_line_step;
                out += params->out_line_step;
            }
            image += params->in_batch;
            out_image += params->out_batch;
        }
    }
}

#endif
