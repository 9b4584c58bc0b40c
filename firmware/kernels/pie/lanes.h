/* lanes.h: sums of 16 channels, side by side in the ESP32-S3's wide accumulator, to int8 outputs.
 *
 *   QACC     | 1 | 0 |   | 3 | 2 |  ...  | 15 | 14 |      16 lanes of 20 bits; stored, each word is read at
 *   q0, q1   0 2 4 6     8 10 12 14                        the byte that brings its lane to the word's top
 *   q2, q3   1 3 5 7     9 11 13 15
 *   halves   q0: low of even channels, q1: high;  q2: low of odd ones, q3: high
 *
 * Rescaling: V = (sum << left) + offset, saturated, with V = H * 2^16 + L and factor = Fh * 2^16 + Fl;
 *   output = clamp((((L - 2^15) * Fh + H * Fl + carry) >> 16) + H * Fh) >> right
 * All products are of 16 bits and added up in 40. `carry` is (L - 2^15) * Fl >> 16 where is_exact, else 0.
 * Where is_signed, sums below a border have another offset. The compiler proves each channel's constants
 * equal to the reference (tinyml/ir/requant_halves.py).
 * Words of 16 channels: offsets in the order above, then Fh and Fl of even channels, then of odd ones; where
 * is_signed, each four offsets stand behind four borders and what to add below them; where has_base, 16 bytes
 * that are added to the outputs come then; where has_singles, 4 words come last: the number of channels that are
 * made one by one (singles.h), and where those begin. In front of all words stand 4: two masks, the output's bounds.
 * Instructions per 16 channels: 41 to read the lanes, 31 to rescale; exact 6 more, signed 17, base 3, bounds 4.
 */
#ifndef TML_PIE_LANES_H
#define TML_PIE_LANES_H

#include "tml.h"

typedef struct {
    int32_t left;
    int32_t right;
    bool is_exact;
    bool is_signed;
    bool has_base;
    bool has_singles;
    bool shifts_right;  /* singles: tml_requantise_right is valid */
    int32_t zero_point; /* of singles' outputs */
    tml_clamp clamp;
} tml_pie_rescale;

#define TML_PIE_LANES 16
#define TML_PIE_BELOW 12      /* bits of a word below a lane at its top */
#define TML_PIE_MASKS 4       /* words in front of all others */
#define TML_PIE_BASE 4        /* words: what is added to 16 outputs */
#define TML_PIE_SINGLES 4      /* words: channels that are made one by one */
#define TML_PIE_SUMS_BYTES 64 /* of memory that reading lanes needs, 16-byte aligned */

/* Words of a group of 8 or 16 channels. */
TML_KERNEL int32_t tml_pie_words(const tml_pie_rescale *rescale, int32_t lanes)
{
    return (rescale->is_signed ? 4 * lanes : 2 * lanes) + (rescale->has_base ? TML_PIE_BASE : 0) +
           (rescale->has_singles ? TML_PIE_SINGLES : 0);
}

/* Words of a group of channels, and the masks in front of all groups'. */
typedef struct {
    const int32_t *masks;
    const int32_t *own;
} tml_pie_words_of;

#define TML_PIE_STORE_LOW \
    "ee.st.qacc_l.l.128.ip %[sums], 16\n\t" \
    "ee.st.qacc_l.h.32.ip %[sums], 16\n\t"
#define TML_PIE_WORD(to, at) "l32i %[" to "], %[sums], " at "\n\t"
#define TML_PIE_PLACE(q, at, from) "ee.movi.32.q " q ", %[" from "], " at "\n\t"

/* Sums to the tops of q0 .. q3, in the order above. */
TML_KERNEL void tml_pie_read_16(int8_t *sums, const int32_t *masks)
{
    int32_t a, b, c, d;
    __asm__ volatile(
        TML_PIE_STORE_LOW
        "ee.st.qacc_h.l.128.ip %[sums], 16\n\t"
        "ee.st.qacc_h.h.32.ip %[sums], -48\n\t"
        TML_PIE_WORD("a", "0") TML_PIE_WORD("b", "16") TML_PIE_WORD("c", "32") TML_PIE_WORD("d", "48")
        TML_PIE_PLACE("q0", "0", "a") TML_PIE_PLACE("q2", "3", "b")
        TML_PIE_PLACE("q1", "0", "c") TML_PIE_PLACE("q3", "3", "d")
        "addi %[sums], %[sums], 1\n\t"
        TML_PIE_WORD("a", "0") TML_PIE_WORD("b", "4") TML_PIE_WORD("c", "32") TML_PIE_WORD("d", "36")
        TML_PIE_PLACE("q2", "0", "a") TML_PIE_PLACE("q0", "1", "b")
        TML_PIE_PLACE("q3", "0", "c") TML_PIE_PLACE("q1", "1", "d")
        "addi %[sums], %[sums], 1\n\t"
        TML_PIE_WORD("a", "4") TML_PIE_WORD("b", "8") TML_PIE_WORD("c", "36") TML_PIE_WORD("d", "40")
        TML_PIE_PLACE("q2", "1", "a") TML_PIE_PLACE("q0", "2", "b")
        TML_PIE_PLACE("q3", "1", "c") TML_PIE_PLACE("q1", "2", "d")
        "addi %[sums], %[sums], 1\n\t"
        TML_PIE_WORD("a", "8") TML_PIE_WORD("b", "12") TML_PIE_WORD("c", "40") TML_PIE_WORD("d", "44")
        TML_PIE_PLACE("q2", "2", "a") TML_PIE_PLACE("q0", "3", "b")
        TML_PIE_PLACE("q3", "2", "c") TML_PIE_PLACE("q1", "3", "d")
        "ssai 12\n\t"
        "ee.vsl.32 q0, q0\n\t"
        "ee.vldbc.32 q6, %[masks]\n\t"
        "ee.vsl.32 q1, q1\n\t"
        "ee.andq q2, q2, q6\n\t"
        "ee.andq q3, q3, q6"
        : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [sums] "+r"(sums)
        : [masks] "r"(masks)
        : "memory");
}

/* Sums of the first 8 channels to the tops of q0 and q1, in order. */
TML_KERNEL void tml_pie_read_8(int8_t *sums, const int32_t *masks)
{
    int32_t a, b, c, d;
    __asm__ volatile(
        TML_PIE_STORE_LOW
        "addi %[sums], %[sums], -32\n\t"
        TML_PIE_WORD("a", "0") TML_PIE_WORD("b", "16")
        "addi %[sums], %[sums], 1\n\t"
        TML_PIE_WORD("c", "0") TML_PIE_WORD("d", "4")
        "slli %[a], %[a], 12\n\t"
        TML_PIE_PLACE("q1", "3", "b") TML_PIE_PLACE("q0", "0", "a")
        "slli %[d], %[d], 12\n\t"
        TML_PIE_PLACE("q0", "1", "c") TML_PIE_PLACE("q0", "2", "d")
        "addi %[sums], %[sums], 1\n\t"
        TML_PIE_WORD("a", "4") TML_PIE_WORD("b", "8")
        "addi %[sums], %[sums], 1\n\t"
        TML_PIE_WORD("c", "8") TML_PIE_WORD("d", "12")
        "slli %[b], %[b], 12\n\t"
        TML_PIE_PLACE("q0", "3", "a") TML_PIE_PLACE("q1", "0", "b")
        "slli %[d], %[d], 12\n\t"
        TML_PIE_PLACE("q1", "1", "c") TML_PIE_PLACE("q1", "2", "d")
        "ee.vldbc.32 q6, %[masks]\n\t"
        "ee.andq q0, q0, q6\n\t"
        "ee.andq q1, q1, q6"
        : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [sums] "+r"(sums)
        : [masks] "r"(masks)
        : "memory");
}

/* Sums in memory, 64 bytes, are 0. */
TML_KERNEL void tml_pie_clear(int8_t *totals)
{
    __asm__ volatile("ee.zero.q q0\n\t"
                     "ee.vst.128.ip q0, %[to], 16\n\tee.vst.128.ip q0, %[to], 16\n\t"
                     "ee.vst.128.ip q0, %[to], 16\n\tee.vst.128.ip q0, %[to], 16"
                     : [to] "+r"(totals)
                     :
                     : "memory");
}

/* Adds sums at the tops of q0 .. q3 to those in memory. The results are in the registers, too. */
TML_KERNEL void tml_pie_add_up(int8_t *totals)
{
    int8_t *from = totals;
    __asm__ volatile("ssai 12\n\t"
                     "ee.vsr.32 q0, q0\n\tee.vld.128.ip q4, %[from], 16\n\t"
                     "ee.vsr.32 q1, q1\n\tee.vld.128.ip q5, %[from], 16\n\t"
                     "ee.vsr.32 q2, q2\n\t"
                     "ee.vsr.32 q3, q3\n\t"
                     "ee.vadds.s32.ld.incp q6, %[from], q0, q0, q4\n\t"
                     "ee.vadds.s32.ld.incp q4, %[from], q1, q1, q5\n\t"
                     "ee.vadds.s32 q2, q2, q6\n\tee.vst.128.ip q0, %[to], 16\n\t"
                     "ee.vadds.s32 q3, q3, q4\n\tee.vst.128.ip q1, %[to], 16\n\t"
                     "ee.vst.128.ip q2, %[to], 16\n\tee.vst.128.ip q3, %[to], 16"
                     : [from] "+r"(from), [to] "+r"(totals)
                     :
                     : "memory");
}

#endif
