/* depthwise_small_s8.h: DEPTHWISE_CONV_2D with 3x3 taps over small images, for Armv7E-M (SMLAD).
 *
 * The same idea as depthwise_3x3_s8.h, for images whose lines are so short that the work around
 * them counts: everything about the shape is a constant here, a line is unrolled, a whole channel
 * lies in scratch and the nine weights of a filter stay in registers. Two outputs at a time:
 *
 *   stride 1     h0 h1 | h2 h3           stride 2    h0 h1 | h2 h3 | h4
 *   output 0     w0 w1 | w2              output 0    w0 w1 | w2
 *   output 1        w0 | w1 w2           output 1          | w0 w1 | w2
 *
 *   stride 1, per filter row: (w0 w1), (w1 w2)     stride 2: (w0 w1) per row, (w2 w2'), (w2'' 0)
 *
 * 13 registers: 6 (5) weights, 2 sums, 2 (3) data words, scratch, output, constants.
 * The params must be constants at compile time.
 * Filters have the form of depthwise_3x3_s8.h (linear). One filter per channel; in place.
 *
 * Instructions per two outputs 23 (stride 1) or 26 (stride 2), the last of an odd line 14; 2 per
 * input element; 8 per line and 50 per channel.
 */
#ifndef TML_DSP_DEPTHWISE_SMALL_S8_H
#define TML_DSP_DEPTHWISE_SMALL_S8_H

#include "kernels/dsp/depthwise_plane.h"

typedef struct {
    int32_t batches;
    int32_t channels;
    int32_t stride;
    int32_t in_height; /* of the image */
    int32_t in_width;
    int32_t in_lines;  /* lines that are read */
    int32_t in_count;  /* elements of a line that are read */
    int32_t pitch;     /* halfwords of a scratch line, a multiple of 4 */
    int32_t lead;      /* those before the elements */
    int32_t pad_lines;
    int32_t rows;      /* scratch lines */
    int32_t out_lines;
    int32_t out_width;
    int32_t padding;   /* the zero point in both halfwords */
    int32_t in_bytes;  /* of all images */
    int32_t out_bytes;
} tml_depthwise_small_params;

/* What the lines find at fixed places. */
typedef struct {
    int32_t bias;
    int32_t multiplier;
    int32_t offset;
    const int16_t *end; /* of the scratch lines below the outputs */
} tml_depthwise_small_constants;

#define TML_DWS_SUM(smla, to, x, w, from) \
    smla " %[" to "], %[" x "], %[" w "], %[" from "]\n\t"
/* One filter row for two outputs and for one: where in scratch, weights, where y1 starts from. */
#define TML_DWS_2_1(at, p, q, from) \
    "ldrd %[a], %[b], [%[in]" at "\n\t" \
    TML_DWS_SUM("smlatb", "y1", "a", p, from) TML_DWS_SUM("smlad", "y0", "a", p, "y0") \
    TML_DWS_SUM("smlad", "y1", "b", q, "y1") TML_DWS_SUM("smlabt", "y0", "b", q, "y0")
#define TML_DWS_2_2(at, next, p, q, from, mla) \
    "ldr %[q2], [%[in], " next "]\n\t" \
    "ldrd %[a], %[b], [%[in]" at "\n\t" \
    TML_DWS_SUM("smlad", "y1", "b", p, from) TML_DWS_SUM("smlad", "y0", "a", p, "y0") \
    TML_DWS_SUM(mla, "y1", "q2", q, "y1") TML_DWS_SUM(mla, "y0", "b", q, "y0")
#define TML_DWS_1(at, p, q, mla) \
    "ldrd %[a], %[b], [%[in]" at "]\n\t" \
    TML_DWS_SUM("smlad", "y0", "a", p, "y0") TML_DWS_SUM(mla, "y0", "b", q, "y0")
#define TML_DWS_BIAS "ldr %[y0], [%[k]]\n\t"
#define TML_DWS_RESCALE "ldrd %[a], %[b], [%[k], #4]\n\t"
#define TML_DWS_END(y) \
    "smmla %[" y "], %[" y "], %[a], %[b]\n\t" \
    "ssat %[" y "], #8, %[" y "], asr #10\n\t"

#define TML_DWS_TWO_1 \
    TML_DWS_2_1(", #%c[row]]", "p1", "q1", "y0") TML_DWS_2_1(", #2*%c[row]]", "p2", "q2", "y1") \
    TML_DWS_2_1("], #4", "p0", "q0", "y1")
#define TML_DWS_ONE_1 \
    TML_DWS_1("", "p0", "q0", "smlabt") TML_DWS_1(", #%c[row]", "p1", "q1", "smlabt") \
    TML_DWS_1(", #2*%c[row]", "p2", "q2", "smlabt")
#define TML_DWS_TWO_2 \
    TML_DWS_2_2(", #%c[row]]", "#%c[row]+8", "p1", "q0", "y0", "smlabt") \
    TML_DWS_2_2(", #2*%c[row]]", "#2*%c[row]+8", "p2", "q1", "y1", "smlabb") \
    TML_DWS_2_2("], #8", "#8", "p0", "q0", "y1", "smlabb")
#define TML_DWS_ONE_2 \
    TML_DWS_1("", "p0", "q0", "smlabb") TML_DWS_1(", #%c[row]", "p1", "q0", "smlabt") \
    TML_DWS_1(", #2*%c[row]", "p2", "q1", "smlabb")

/* All lines of a channel: each `pairs` times two outputs, one more when `odd`. */
#define TML_DWS_LINES(two, one) \
    __asm__ volatile("1:\n\t" \
                     ".rept %c[pairs]\n\t" \
                     TML_DWS_BIAS two TML_DWS_RESCALE TML_DWS_END("y0") TML_DWS_END("y1") \
                     "strb %[y0], [%[out]]\n\t" \
                     "strb %[y1], [%[out], #%c[step]]\n\t" \
                     "add %[out], %[out], #2*%c[step]\n\t" \
                     ".endr\n\t" \
                     ".if %c[odd]\n\t" \
                     TML_DWS_BIAS one TML_DWS_RESCALE TML_DWS_END("y0") \
                     "strb %[y0], [%[out]]\n\t" \
                     "add %[out], %[out], #%c[step]\n\t" \
                     ".endif\n\t" \
                     "ldr %[a], [%[k], #12]\n\t" \
                     "add %[in], %[in], #%c[skip]\n\t" \
                     "cmp %[in], %[a]\n\t" \
                     "bne 1b" \
                     : [in] "+&r"(in), [out] "+&r"(out), [q2] "+&r"(q[2]), [y0] "=&r"(y0), \
                       [y1] "=&r"(y1), [a] "=&r"(a), [b] "=&r"(b) \
                     : [p0] "r"(p[0]), [p1] "r"(p[1]), [p2] "r"(p[2]), [q0] "r"(q[0]), \
                       [q1] "r"(q[1]), [k] "r"(&constants), \
                       [pairs] "i"(params->out_width / 2), [odd] "i"(params->out_width & 1), \
                       [step] "i"(params->channels), [row] "i"(2 * params->pitch), \
                       [skip] "i"(params->stride \
                                  * (2 * params->pitch - 4 * (params->out_width / 2))) \
                     : "cc", "memory")

/* Filters a channel that lies in scratch; `words` are its filter's. */
TML_KERNEL void tml_depthwise_small_filter(const tml_depthwise_small_params *params,
                                           const uint32_t *words, const int16_t *in, int8_t *out)
{
    const uint32_t extra
        = (words[2] & 0xFF000000u) | (words[1] >> 8 & 0xFF0000u) | words[0] >> 24 << 8;
    const tml_depthwise_small_constants constants = {
        (int32_t)words[3], (int32_t)words[4], (int32_t)extra >> 8,
        in + params->out_lines * params->stride * params->pitch};
    uint32_t p[3], q[3], a, b;
    int32_t y0, y1;
    TML_UNROLLED
    for (int32_t i = 0; i < 3; ++i) {
        p[i] = (words[i] & 0xFF00u) | words[i] << 24;
        q[i] = (words[i] << 8) & 0xFF00FF00u;
    }
    if (params->stride == 1) {
        TML_DWS_LINES(TML_DWS_TWO_1, TML_DWS_ONE_1);
    } else {
        q[0] = q[0] >> 16 | (q[1] & 0xFFFF0000u);
        q[1] = q[2] >> 16;
        TML_DWS_LINES(TML_DWS_TWO_2, TML_DWS_ONE_2);
    }
}

/* One channel of an image into scratch. */
TML_KERNEL void tml_depthwise_small_gather(const tml_depthwise_small_params *params,
                                           const int8_t *input, int16_t *line)
{
    TML_ROLLED
    for (int32_t y = 0; y < params->in_lines; ++y) {
        TML_UNROLLED
        for (int32_t x = 0; x < params->in_count; ++x) {
            line[x] = input[x * params->channels];
        }
        input += params->in_width * params->channels;
        line += params->pitch;
    }
}

TML_KERNEL void tml_depthwise_small_s8(const tml_depthwise_small_params *params,
                                       const int8_t *input, const uint32_t *words, int8_t *output,
                                       int16_t *scratch)
{
    const int32_t channels = params->channels;
    input = tml_plane_settle(input, output, params->in_bytes, params->out_bytes);
    tml_plane_fill((char *)scratch, params->rows * params->pitch * 2, params->padding);
    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t c = 0; c < channels; ++c) {
            tml_depthwise_small_gather(params, input++,
                                       scratch + params->pad_lines * params->pitch + params->lead);
            tml_depthwise_small_filter(params, words, scratch, output++);
            words += 5;
        }
        words -= 5 * channels;
        input += (params->in_height * params->in_width - 1) * channels;
        output += (params->out_lines * params->out_width - 1) * channels;
    }
}

#endif
