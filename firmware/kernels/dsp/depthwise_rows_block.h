/* depthwise_rows_block.h: the inner loops of depthwise_rows_s8.h.
 *
 * Four outputs of a line against a filter of any size. Its rows are streams of words: stride 1
 * takes a row twice, as it is (e) and shifted by one tap (o), so that outputs at odd places find
 * their inputs in the same words as those at even places:
 *
 *   stride 1   h0 h1 | h2 h3 | h4 h5 | h6 h7      stride 2   h0 h1 | h2 h3 | h4 h5 | h6 h7 | ...
 *   output 0      e0 |    e1 |    e2 |            output 0      e0 |    e1 |    e2
 *   output 1      o0 |    o1 |    o2 |            output 1         |    e0 |    e1 |    e2
 *   output 2         |    e0 |    e1 |    e2      output 2                 |    e0 |    e1 | ...
 *   output 3         |    o0 |    o1 |    o2      output 3                         |    e0 | ...
 *
 *   five taps: e0 = (w0 w1)  e1 = (w2 w3)  e2 = (w4 0)    o0 = (0 w0)  o1 = (w1 w2)  o2 = (w3 w4)
 *
 * 14 registers: four sums, two data words, four weight words, both pointers, the distance of the
 * rows, the end of the weights. Per row and four outputs: 15, 20 or 26 instructions for streams of
 * two, three or four words; longer ones 6 per word and 20 per row.
 */
#ifndef TML_DSP_DEPTHWISE_ROWS_BLOCK_H
#define TML_DSP_DEPTHWISE_ROWS_BLOCK_H

#include "tml.h"

#define TML_DWR_MAC(y, x, w) "smlad %[y" #y "], %[x" #x "], %[w" #w "], %[y" #y "]\n\t"
#define TML_DWR_X01(at) "ldrd %[x0], %[x1], [%[in], #" at "]\n\t"
#define TML_DWR_X0(at) "ldr %[x0], [%[in], #" at "]\n\t"
#define TML_DWR_W(a, b) "ldrd %[w" #a "], %[w" #b "], [%[w]], #8\n\t"
/* A data word in the middle of a stream of stride 1: the newer weights are w`e` and w`o`. */
#define TML_DWR_WORD(x, e, o, older_e, older_o) \
    TML_DWR_MAC(0, x, e) TML_DWR_MAC(1, x, o) TML_DWR_MAC(2, x, older_e) TML_DWR_MAC(3, x, older_o)

#define TML_DWR_ROW_1_2 \
    TML_DWR_X01("0") TML_DWR_W(0, 1) TML_DWR_W(2, 3) TML_DWR_MAC(0, 0, 0) TML_DWR_MAC(1, 0, 1) \
    TML_DWR_WORD(1, 2, 3, 0, 1) TML_DWR_X0("8") TML_DWR_MAC(2, 0, 2) TML_DWR_MAC(3, 0, 3)
#define TML_DWR_ROW_1_3 \
    TML_DWR_X01("0") TML_DWR_W(0, 1) TML_DWR_W(2, 3) TML_DWR_MAC(0, 0, 0) TML_DWR_MAC(1, 0, 1) \
    TML_DWR_WORD(1, 2, 3, 0, 1) TML_DWR_X01("8") TML_DWR_W(0, 1) TML_DWR_WORD(0, 0, 1, 2, 3) \
    TML_DWR_MAC(2, 1, 0) TML_DWR_MAC(3, 1, 1)
#define TML_DWR_ROW_1_4 \
    TML_DWR_X01("0") TML_DWR_W(0, 1) TML_DWR_W(2, 3) TML_DWR_MAC(0, 0, 0) TML_DWR_MAC(1, 0, 1) \
    TML_DWR_WORD(1, 2, 3, 0, 1) TML_DWR_X01("8") TML_DWR_W(0, 1) TML_DWR_WORD(0, 0, 1, 2, 3) \
    TML_DWR_W(2, 3) TML_DWR_WORD(1, 2, 3, 0, 1) TML_DWR_X0("16") \
    TML_DWR_MAC(2, 0, 2) TML_DWR_MAC(3, 0, 3)
#define TML_DWR_ROW_2_2 \
    TML_DWR_X01("0") TML_DWR_W(0, 1) TML_DWR_MAC(0, 0, 0) TML_DWR_MAC(0, 1, 1) \
    TML_DWR_MAC(1, 1, 0) TML_DWR_X01("8") TML_DWR_MAC(1, 0, 1) TML_DWR_MAC(2, 0, 0) \
    TML_DWR_MAC(2, 1, 1) TML_DWR_MAC(3, 1, 0) TML_DWR_X0("16") TML_DWR_MAC(3, 0, 1)
#define TML_DWR_ROW_2_3 \
    TML_DWR_X01("0") TML_DWR_W(0, 1) "ldr %[w2], [%[w]], #4\n\t" TML_DWR_MAC(0, 0, 0) \
    TML_DWR_MAC(0, 1, 1) TML_DWR_MAC(1, 1, 0) TML_DWR_X01("8") TML_DWR_MAC(0, 0, 2) \
    TML_DWR_MAC(1, 0, 1) TML_DWR_MAC(2, 0, 0) TML_DWR_MAC(1, 1, 2) TML_DWR_MAC(2, 1, 1) \
    TML_DWR_MAC(3, 1, 0) TML_DWR_X01("16") TML_DWR_MAC(2, 0, 2) TML_DWR_MAC(3, 0, 1) \
    TML_DWR_MAC(3, 1, 2)
#define TML_DWR_ROW_2_4 \
    TML_DWR_X01("0") TML_DWR_W(0, 1) TML_DWR_W(2, 3) TML_DWR_MAC(0, 0, 0) TML_DWR_MAC(0, 1, 1) \
    TML_DWR_MAC(1, 1, 0) TML_DWR_X01("8") TML_DWR_MAC(0, 0, 2) TML_DWR_MAC(1, 0, 1) \
    TML_DWR_MAC(2, 0, 0) TML_DWR_MAC(0, 1, 3) TML_DWR_MAC(1, 1, 2) TML_DWR_MAC(2, 1, 1) \
    TML_DWR_MAC(3, 1, 0) TML_DWR_X01("16") TML_DWR_MAC(1, 0, 3) TML_DWR_MAC(2, 0, 2) \
    TML_DWR_MAC(3, 0, 1) TML_DWR_MAC(2, 1, 3) TML_DWR_MAC(3, 1, 2) TML_DWR_X0("24") \
    TML_DWR_MAC(3, 0, 3)

#define TML_DWR_OUTPUTS \
    [in] "+&r"(in), [w] "+&r"(weights), [y0] "+&r"(y[0]), [y1] "+&r"(y[1]), [y2] "+&r"(y[2]), \
    [y3] "+&r"(y[3]), [x0] "=&r"(x0), [x1] "=&r"(x1), [w0] "=&r"(w0), [w1] "=&r"(w1), \
    [w2] "=&r"(w2), [w3] "=&r"(w3)
#define TML_DWR_ROWS(row_of) \
    __asm__ volatile("1:\n\t" row_of "add %[in], %[in], %[row]\n\t" \
                     "cmp %[w], %[end]\n\t" \
                     "bne 1b" \
                     : TML_DWR_OUTPUTS \
                     : [row] "r"(row), [end] "r"(end) \
                     : "cc", "memory")

/* One row of a long stream of stride 1; the weights before its first word, w2 and w3, are 0. It
 * ends with words of 0 for the last outputs, and has an even number. The operands need no early
 * clobber: `end` never equals another one at the start, and gcc would run out of registers. */
#define TML_DWR_LONG_1 \
    __asm__ volatile("1:\n\t" \
                     "ldrd %[x0], %[x1], [%[in]], #8\n\t" TML_DWR_W(0, 1) \
                     TML_DWR_WORD(0, 0, 1, 2, 3) TML_DWR_W(2, 3) TML_DWR_WORD(1, 2, 3, 0, 1) \
                     "cmp %[w], %[end]\n\t" \
                     "bne 1b" \
                     : [in] "+r"(in), [w] "+r"(weights), [y0] "+r"(y[0]), [y1] "+r"(y[1]), \
                       [y2] "+r"(y[2]), [y3] "+r"(y[3]), [w2] "+r"(w2), [w3] "+r"(w3), \
                       [x0] "=&r"(x0), [x1] "=&r"(x1), [w0] "=&r"(w0), [w1] "=&r"(w1) \
                     : [end] "r"(row_end) \
                     : "cc", "memory")

/* Adds to the sums y of four outputs. `in` is the first word under the filter, `row` the distance
 * of its rows in scratch; the stream reaches up to `end`, a row of it has `words` words. */
TML_KERNEL void tml_depthwise_rows_four(int32_t y[4], const char *in, const uint32_t *weights,
                                        const uint32_t *end, int32_t row, int32_t stride,
                                        int32_t words)
{
    uint32_t x0, x1, w0, w1, w2, w3;
    if (stride == 1) {
        if (words == 2) {
            TML_DWR_ROWS(TML_DWR_ROW_1_2);
        } else if (words == 3) {
            TML_DWR_ROWS(TML_DWR_ROW_1_3);
        } else if (words == 4) {
            TML_DWR_ROWS(TML_DWR_ROW_1_4);
        } else {
            TML_ROLLED
            while (weights != end) {
                const char *const next = in + row;
                const uint32_t *const row_end = weights + 2 * words;
                w2 = 0;
                w3 = 0;
                TML_DWR_LONG_1;
                in = next;
            }
        }
    } else if (words == 2) {
        TML_DWR_ROWS(TML_DWR_ROW_2_2);
    } else if (words == 3) {
        TML_DWR_ROWS(TML_DWR_ROW_2_3);
    } else {
        TML_DWR_ROWS(TML_DWR_ROW_2_4);
    }
}

/* The constants of a filter behind the sums. */
typedef struct {
    int32_t bias;
    int32_t multiplier;
    int32_t offset;
    int32_t shift;
} tml_depthwise_rows_end;

/* From a sum to an int8, in either form of depthwise_3x3_s8.h. */
TML_KERNEL int8_t tml_depthwise_rows_finish(const tml_depthwise_rows_end *end, int32_t sum,
                                            bool is_rounding)
{
    int32_t made;
    if (is_rounding) {
        int32_t high;
        sum >>= 7;
        __asm__("smmlar %0, %1, %2, %3"
                : "=r"(high)
                : "r"(sum), "r"(end->multiplier), "r"(end->offset + (sum >> 31)));
        high >>= end->shift;
        __asm__("ssat %0, #8, %1" : "=r"(made) : "r"(high) : "cc");
    } else {
        __asm__("smmla %0, %1, %2, %3\n\tssat %0, #8, %0, asr #10"
                : "=r"(made)
                : "r"(sum), "r"(end->multiplier), "r"(end->offset)
                : "cc");
    }
    return (int8_t)made;
}

#endif
