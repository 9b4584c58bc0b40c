/* depthwise_3x3_block.h: the inner loops of depthwise_3x3_s8.h.
 *
 * Four outputs of a line are computed at once; the words of a scratch line (int16 pairs) against
 * the three weights of a filter row:
 *
 *   stride 1     h0 h1 | h2 h3 | h4 h5 | h6 h7      stride 2    h0 h1 | h2 h3 | h4 h5 | h6 h7 | h8
 *   output 0        w0 | w1 w2 |                    output 0    w0 w1 | w2
 *   output 1           | w0 w1 | w2                 output 1          | w0 w1 | w2
 *   output 2           |    w0 | w1 w2 |            output 2                  | w0 w1 | w2
 *   output 3                   | w0 w1 | w2         output 3                          | w0 w1 | w2
 *
 * so that two words per filter row, (w0 w1) and (w1 w2), serve all of them with two instructions
 * per output. Stride 1 starts at h1: with one column of padding the elements then lie at even
 * places, where they are gathered in pairs.
 *
 * 14 registers: four sums y0-y3, two weight words p q, two data words a b, the three lines, the
 * output, its step and the state; loop ends stay in memory. Per four outputs 52 instructions with
 * stride 1, 55 with stride 2 (linear form), two outputs 30, one 18, each line 17.
 */
#ifndef TML_DSP_DEPTHWISE_3X3_BLOCK_H
#define TML_DSP_DEPTHWISE_3X3_BLOCK_H

#include "tml.h"

/* What the inner loops find at fixed places. */
typedef struct {
    uint32_t weights[6]; /* (w0 w1), (w1 w2) of each filter row */
    int32_t bias;
    int32_t multiplier;
    int32_t offset;
    int32_t shift;
    const char *end; /* of the fours of a line, and what it advances per line */
    int32_t line_bytes;
    int32_t skip;
    int32_t out_skip;
    const char *last; /* start of the line after the last */
    int32_t tail;
} tml_depthwise_3x3_state;

#define TML_DW_WEIGHTS(at) "ldrd %[p], %[q], [%[k], #" at "]\n\t"
#define TML_DW_PAIRS(line, step) "ldrd %[a], %[b], [%[" line "]]" step "\n\t"
#define TML_DW_PAIR(line, at) "ldr %[a], [%[" line "], #" at "]\n\t"
#define TML_DW_SUM(smla, to, x, w, from) \
    smla " %[" to "], %[" x "], %[" w "], %[" from "]\n\t"

/* One filter row for four, two or one outputs of a line, stride 1 and 2. The bias lies in the last
 * sum until the first row is added: f0, f1, f2 say where the others start from. */
#define TML_DW_4_1(line, at, f0, f1, f2) \
    TML_DW_WEIGHTS(at) TML_DW_PAIRS(line, ", #8") \
    TML_DW_SUM("smlatb", "y0", "a", "p", f0) TML_DW_SUM("smlad", "y1", "b", "p", f1) \
    TML_DW_SUM("smlatb", "y2", "b", "p", f2) TML_DW_SUM("smlad", "y0", "b", "q", "y0") \
    TML_DW_PAIRS(line, "") \
    TML_DW_SUM("smlad", "y3", "a", "p", "y3") TML_DW_SUM("smlabt", "y1", "a", "q", "y1") \
    TML_DW_SUM("smlad", "y2", "a", "q", "y2") TML_DW_SUM("smlabt", "y3", "b", "q", "y3")
#define TML_DW_2_1(line, at, f0) \
    TML_DW_WEIGHTS(at) TML_DW_PAIRS(line, ", #4") \
    TML_DW_SUM("smlatb", "y0", "a", "p", f0) TML_DW_SUM("smlad", "y1", "b", "p", "y1") \
    TML_DW_SUM("smlad", "y0", "b", "q", "y0") \
    TML_DW_PAIR(line, "4") TML_DW_SUM("smlabt", "y1", "a", "q", "y1")
#define TML_DW_1_1(line, at) \
    TML_DW_WEIGHTS(at) TML_DW_PAIRS(line, "") \
    TML_DW_SUM("smlatb", "y0", "a", "p", "y0") TML_DW_SUM("smlad", "y0", "b", "q", "y0")
#define TML_DW_4_2(line, at, f0, f1, f2) \
    TML_DW_WEIGHTS(at) TML_DW_PAIRS(line, ", #8") \
    TML_DW_SUM("smlad", "y0", "a", "p", f0) TML_DW_SUM("smlad", "y1", "b", "p", f1) \
    TML_DW_SUM("smlabt", "y0", "b", "q", "y0") TML_DW_PAIRS(line, ", #8") \
    TML_DW_SUM("smlad", "y2", "a", "p", f2) TML_DW_SUM("smlabt", "y1", "a", "q", "y1") \
    TML_DW_SUM("smlad", "y3", "b", "p", "y3") TML_DW_SUM("smlabt", "y2", "b", "q", "y2") \
    TML_DW_PAIR(line, "0") TML_DW_SUM("smlabt", "y3", "a", "q", "y3")
#define TML_DW_2_2(line, at, f0) \
    TML_DW_WEIGHTS(at) TML_DW_PAIRS(line, ", #8") \
    TML_DW_SUM("smlad", "y0", "a", "p", f0) TML_DW_SUM("smlad", "y1", "b", "p", "y1") \
    TML_DW_SUM("smlabt", "y0", "b", "q", "y0") \
    TML_DW_PAIR(line, "0") TML_DW_SUM("smlabt", "y1", "a", "q", "y1")
#define TML_DW_1_2(line, at) \
    TML_DW_WEIGHTS(at) TML_DW_PAIRS(line, "") \
    TML_DW_SUM("smlad", "y0", "a", "p", "y0") TML_DW_SUM("smlabt", "y0", "b", "q", "y0")

/* From a sum to an int8, both forms; the constants are loaded once for up to four outputs. */
#define TML_DW_LOAD_LINEAR "ldrd %[p], %[q], [%[k], #28]\n\t"
#define TML_DW_LOAD_ROUNDING TML_DW_LOAD_LINEAR "ldr %[a], [%[k], #36]\n\t"
#define TML_DW_END_LINEAR(y) \
    "smmla %[" y "], %[" y "], %[p], %[q]\n\t" \
    "ssat %[" y "], #8, %[" y "], asr #10\n\t"
#define TML_DW_END_ROUNDING(y) \
    "asr %[" y "], %[" y "], #7\n\t" \
    "add %[b], %[q], %[" y "], asr #31\n\t" \
    "smmlar %[" y "], %[" y "], %[p], %[b]\n\t" \
    "asr %[" y "], %[" y "], %[a]\n\t" \
    "ssat %[" y "], #8, %[" y "]\n\t"
#define TML_DW_STORE_1(y) "strb %[" y "], [%[out]]\n\t"
#define TML_DW_STORE_2(y, z) \
    "strb %[" y "], [%[out]]\n\t" \
    "strb %[" z "], [%[out], %[step]]\n\t" \
    "add %[out], %[out], %[step], lsl #1\n\t"

/* All outputs of a channel in a band: lines of fours, then the two and the one of the tail. */
#define TML_DW_LINES(s, form) \
    __asm__ volatile( \
        "0:\n\t" \
        "ldrd %[a], %[b], [%[k], #40]\n\t" \
        "add %[a], %[a], %[b]\n\t" \
        "str %[a], [%[k], #40]\n\t" \
        "cmp %[l0], %[a]\n\t" \
        "beq 2f\n" \
        "1:\n\t" \
        "ldr %[y3], [%[k], #24]\n\t" \
        TML_DW_4_##s("l0", "0", "y3", "y3", "y3") TML_DW_4_##s("l1", "8", "y0", "y1", "y2") \
        TML_DW_4_##s("l2", "16", "y0", "y1", "y2") TML_DW_LOAD_##form \
        TML_DW_END_##form("y0") TML_DW_END_##form("y1") \
        TML_DW_END_##form("y2") TML_DW_END_##form("y3") \
        TML_DW_STORE_2("y0", "y1") TML_DW_STORE_2("y2", "y3") \
        "ldr %[a], [%[k], #40]\n\t" \
        "cmp %[l0], %[a]\n\t" \
        "bne 1b\n" \
        "2:\n\t" \
        "ldr %[a], [%[k], #60]\n\t" \
        "lsls %[a], %[a], #31\n\t" \
        "bcc 3f\n\t" \
        "ldr %[y1], [%[k], #24]\n\t" \
        TML_DW_2_##s("l0", "0", "y1") TML_DW_2_##s("l1", "8", "y0") \
        TML_DW_2_##s("l2", "16", "y0") TML_DW_LOAD_##form \
        TML_DW_END_##form("y0") TML_DW_END_##form("y1") TML_DW_STORE_2("y0", "y1") \
        "3:\n\t" \
        "bpl 4f\n\t" \
        "ldr %[y0], [%[k], #24]\n\t" \
        TML_DW_1_##s("l0", "0") TML_DW_1_##s("l1", "8") TML_DW_1_##s("l2", "16") \
        TML_DW_LOAD_##form TML_DW_END_##form("y0") TML_DW_STORE_1("y0") \
        "4:\n\t" \
        "ldrd %[a], %[b], [%[k], #48]\n\t" \
        "add %[l0], %[l0], %[a]\n\t" \
        "add %[l1], %[l1], %[a]\n\t" \
        "add %[l2], %[l2], %[a]\n\t" \
        "add %[out], %[out], %[b]\n\t" \
        "ldr %[a], [%[k], #56]\n\t" \
        "cmp %[l0], %[a]\n\t" \
        "bne 0b" \
        : [l0] "+&r"(line0), [l1] "+&r"(line1), [l2] "+&r"(line2), [out] "+&r"(output), \
          [y0] "=&r"(y0), [y1] "=&r"(y1), [y2] "=&r"(y2), [y3] "=&r"(y3), [p] "=&r"(p), \
          [q] "=&r"(q), [a] "=&r"(a), [b] "=&r"(b) \
        : [k] "r"(state), [step] "r"(step) \
        : "cc", "memory")

/* `stride` and `is_rounding` are constants at each of the four callers. */
TML_KERNEL void tml_depthwise_3x3_lines(tml_depthwise_3x3_state *state, const char *line0,
                                        int32_t pitch, int8_t *output, int32_t step,
                                        int32_t stride, bool is_rounding)
{
    const char *line1 = line0 + pitch;
    const char *line2 = line1 + pitch;
    uint32_t p, q, a, b;
    int32_t y0, y1, y2, y3;
    if (is_rounding) {
        if (stride == 1) {
            TML_DW_LINES(1, ROUNDING);
        } else {
            TML_DW_LINES(2, ROUNDING);
        }
    } else if (stride == 1) {
        TML_DW_LINES(1, LINEAR);
    } else {
        TML_DW_LINES(2, LINEAR);
    }
}

#endif
