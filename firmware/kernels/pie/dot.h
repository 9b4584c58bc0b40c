/* dot.h: one window of inputs times all filters, for the ESP32-S3's vector unit.
 *
 *             block 0   block 1   block 2 ..   of 16 taps, in vector registers where there are at most 4
 *   filter 0  ------- sum of all products ------->  ACCX, then a general register
 *   filter 1  ...                                   one instruction multiplies 16 inputs with 16 weights, adds
 *                                                   the products up and loads the weights of two steps later
 *
 * Weights lie filter by filter, 16-byte aligned, taps filled up with zeros to whole blocks, so it does not
 * matter what stands behind the window's taps. Sums of 16 products of int8 cannot leave ACCX's 40 bits. The
 * input's zero point is folded into the bias; sums are rescaled as rescale.h says.
 *
 * With more than 4 blocks the window is read again for each filter, blocks in pairs.
 * No address is stepped by a loop instruction: compilers use those registers, too.
 * Instructions: 4 filters and n blocks: 3 + 5 n + 8 (n <= 4); a filter and n blocks: 4 + 3 n, or 2.5 n of fours; 12 per output.
 */
#ifndef TML_PIE_DOT_H
#define TML_PIE_DOT_H

#include "kernels/portable/rescale.h"

typedef struct {
    int32_t blocks; /* of 16 taps; even above 4 */
    int32_t out_channels;
    tml_portable_rescale rescale;
} tml_pie_dot_params;

#define TML_PIE_IN_REGISTERS 4 /* blocks of a window */

#define TML_PIE_LOAD_X(q) "ee.vld.128.ip " q ", %[x], 16\n\t"
#define TML_PIE_LOAD_W(q) "ee.vld.128.ip " q ", %[w], 16\n\t"
/* Adds 16 products of inputs and weights; loads weights for the step after the next. */
#define TML_PIE_MAC(x, w, next) "ee.vmulas.s8.accx.ld.ip " next ", %[w], 16, " x ", " w "\n\t"
#define TML_PIE_LAST(x, w) "ee.vmulas.s8.accx " x ", " w "\n\t"
#define TML_PIE_BEGIN "ee.zero.accx\n\t"
#define TML_PIE_SUM(sum) "rur.accx_0 %[" sum "]\n\t"

/* Weights take turns in q5, q6 and q7; a letter is where the turn begins. */
#define TML_PIE_A(x) TML_PIE_MAC(x, "q5", "q7")
#define TML_PIE_B(x) TML_PIE_MAC(x, "q6", "q5")
#define TML_PIE_C(x) TML_PIE_MAC(x, "q7", "q6")

#define TML_PIE_FOUR(name, load, f0, f1, f2, f3) \
    TML_KERNEL const int8_t *name(const int8_t *x, const int8_t *w, int32_t sums[4]) \
    { \
        int32_t s0, s1, s2, s3; \
        __asm__ volatile(TML_PIE_LOAD_W("q5") load TML_PIE_LOAD_W("q6") TML_PIE_BEGIN f0 TML_PIE_SUM("s0") \
                         TML_PIE_BEGIN f1 TML_PIE_SUM("s1") TML_PIE_BEGIN f2 TML_PIE_SUM("s2") TML_PIE_BEGIN f3 \
                         TML_PIE_SUM("s3") \
                         : [s0] "=&r"(s0), [s1] "=&r"(s1), [s2] "=&r"(s2), [s3] "=&r"(s3), [x] "+r"(x), \
                           [w] "+r"(w) \
                         : \
                         : "memory"); \
        sums[0] = s0; \
        sums[1] = s1; \
        sums[2] = s2; \
        sums[3] = s3; \
        return w; \
    }

/* Four filters over 1, 2, 3 and 4 blocks; each gives the weights of the next four. */
TML_PIE_FOUR(tml_pie_four_1, TML_PIE_LOAD_X("q0"), TML_PIE_A("q0"), TML_PIE_B("q0"), TML_PIE_LAST("q0", "q7"),
             TML_PIE_LAST("q0", "q5"))
TML_PIE_FOUR(tml_pie_four_2, TML_PIE_LOAD_X("q0") TML_PIE_LOAD_X("q1"), TML_PIE_A("q0") TML_PIE_B("q1"),
             TML_PIE_C("q0") TML_PIE_A("q1"), TML_PIE_B("q0") TML_PIE_C("q1"),
             TML_PIE_LAST("q0", "q5") TML_PIE_LAST("q1", "q6"))
TML_PIE_FOUR(tml_pie_four_3, TML_PIE_LOAD_X("q0") TML_PIE_LOAD_X("q1") TML_PIE_LOAD_X("q2"),
             TML_PIE_A("q0") TML_PIE_B("q1") TML_PIE_C("q2"), TML_PIE_A("q0") TML_PIE_B("q1") TML_PIE_C("q2"),
             TML_PIE_A("q0") TML_PIE_B("q1") TML_PIE_C("q2"),
             TML_PIE_A("q0") TML_PIE_LAST("q1", "q6") TML_PIE_LAST("q2", "q7"))
TML_PIE_FOUR(tml_pie_four_4,
             TML_PIE_LOAD_X("q0") TML_PIE_LOAD_X("q1") TML_PIE_LOAD_X("q2") TML_PIE_LOAD_X("q3"),
             TML_PIE_A("q0") TML_PIE_B("q1") TML_PIE_C("q2") TML_PIE_A("q3"),
             TML_PIE_B("q0") TML_PIE_C("q1") TML_PIE_A("q2") TML_PIE_B("q3"),
             TML_PIE_C("q0") TML_PIE_A("q1") TML_PIE_B("q2") TML_PIE_C("q3"),
             TML_PIE_A("q0") TML_PIE_B("q1") TML_PIE_LAST("q2", "q7") TML_PIE_LAST("q3", "q5"))

/* Two, or four, blocks of a filter; no load is followed by what needs it. */
#define TML_PIE_COUNT "addi %[rounds], %[rounds], -1\n\t"
#define TML_PIE_TWO \
    TML_PIE_LOAD_X("q0") TML_PIE_LOAD_W("q4") TML_PIE_LOAD_X("q1") TML_PIE_MAC("q0", "q4", "q5") TML_PIE_COUNT \
        TML_PIE_LAST("q1", "q5")
#define TML_PIE_FOUR_BLOCKS \
    TML_PIE_LOAD_X("q0") TML_PIE_LOAD_W("q4") TML_PIE_LOAD_X("q1") TML_PIE_MAC("q0", "q4", "q5") \
        TML_PIE_LOAD_X("q2") TML_PIE_MAC("q1", "q5", "q6") TML_PIE_LOAD_X("q3") TML_PIE_MAC("q2", "q6", "q7") \
            TML_PIE_COUNT TML_PIE_LAST("q3", "q7")
#define TML_PIE_ROUNDS(blocks) \
    __asm__ volatile(TML_PIE_BEGIN "1:\n\t" blocks "bnez %[rounds], 1b\n\t" TML_PIE_SUM("sum") \
                     : [sum] "=&r"(*sum), [x] "+r"(x), [w] "+r"(w), [rounds] "+r"(rounds) \
                     : \
                     : "memory")

/* One filter over any even number of blocks. */
TML_KERNEL const int8_t *tml_pie_one(const tml_pie_dot_params *params, const int8_t *x, const int8_t *w,
                                     int32_t *sum)
{
    int32_t rounds = params->blocks % 4 == 0 ? params->blocks / 4 : params->blocks / 2;
    if (params->blocks % 4 == 0) {
        TML_PIE_ROUNDS(TML_PIE_FOUR_BLOCKS);
    } else {
        TML_PIE_ROUNDS(TML_PIE_TWO);
    }
    return w;
}

/* The sums of four filters, fewer at the end; weights are there for all four. */
TML_KERNEL const int8_t *tml_pie_sums(const tml_pie_dot_params *params, const int8_t *x, const int8_t *w,
                                      int32_t count, int32_t sums[4])
{
    switch (params->blocks) {
    case 1: return tml_pie_four_1(x, w, sums);
    case 2: return tml_pie_four_2(x, w, sums);
    case 3: return tml_pie_four_3(x, w, sums);
    case 4: return tml_pie_four_4(x, w, sums);
    default: break;
    }
    TML_UNROLLED
    for (int32_t i = 0; i < 4; ++i) {
        if (i < count) {
            w = tml_pie_one(params, x, w, &sums[i]);
        }
    }
    return w;
}

/* All outputs of a window. */
TML_KERNEL void tml_pie_dot(const tml_pie_dot_params *params, const int8_t *x, const int8_t *weights,
                            const int32_t *words, int8_t *output)
{
    TML_ROLLED
    for (int32_t left = params->out_channels; left > 0; left -= 4) {
        int32_t sums[4];
        const int32_t count = params->out_channels % 4 == 0 || left > 4 ? 4 : left;
        weights = tml_pie_sums(params, x, weights, count, sums);
        TML_UNROLLED
        for (int32_t i = 0; i < 4; ++i) {
            if (i < count) {
                output[i] = tml_portable_output(&params->rescale, words, sums[i] + words[0]);
                words += tml_portable_words(&params->rescale);
            }
        }
        output += 4;
    }
}

#endif
