/* rescale.h: 8 or 16 sums in vector registers to int8 outputs; lanes.h says by what formula.
 *
 *   q0 .. q3   sums of 16 channels, or q0 and q1 of 8       q4, q5, q6   constants on their way
 *   q7         2^15 in each half, which makes low halves signed
 *
 * The wide accumulator shifts its lanes where they are, so carries go from one sum of products to the next.
 */
#ifndef TML_PIE_RESCALE_H
#define TML_PIE_RESCALE_H

#include "kernels/pie/singles.h"

#define TML_PIE_ASM(text) \
    __asm__ volatile(text : [words] "+r"(words) : [right] "r"(right), [half] "r"(16) : "memory")

/* V of four sums that have one offset; its constants are in `offset`, four others are loaded. */
#define TML_PIE_OFFSET(sum, offset, next) "ee.vadds.s32.ld.incp " next ", %[words], " sum ", " sum ", " offset "\n\t"

/* V of four sums with a border (q4), what to add below it (q5) and an offset (q6). */
#define TML_PIE_BORDER(sum, first, second) \
    "ee.vcmp.lt.s32 q7, " sum ", q4\n\t" \
    "ee.andq q7, q7, q5\n\t" \
    TML_PIE_OFFSET(sum, "q6", first) TML_PIE_OFFSET(sum, "q7", second)
#define TML_PIE_NEXT_BORDER(sum) TML_PIE_BORDER(sum, "q4", "q5") "ee.vld.128.ip q6, %[words], 16\n\t"

#define TML_PIE_LOAD(q) "ee.vld.128.ip " q ", %[words], 16\n\t"
#define TML_PIE_HALVES(low, high) "ee.vunzip.16 " low ", " high "\n\tee.xorq " low ", " low ", q7\n\t"

/* Products of eight sums' halves with their factors' Fh and Fl; loads the next Fh in place of the low halves
 * and the next Fl in its own. Outputs times 256 end where the high halves were. */
#define TML_PIE_CARRY(low, fl) \
    "ee.vmulas.s16.qacc " low ", " fl "\n\t" \
    "ee.srcmb.s16.qacc q4, %[half], 0\n\t"
#define TML_PIE_SCALE(low, high, fh, fl) \
    "ee.vmulas.s16.qacc " low ", " fh "\n\t" \
    "ee.vmulas.s16.qacc.ld.ip " low ", %[words], 16, " high ", " fl "\n\t" \
    "ee.srcmb.s16.qacc q4, %[half], 0\n\t" \
    "ee.vmulas.s16.qacc.ld.ip " fl ", %[words], 16, " high ", " fh "\n\t" \
    "ee.srcmb.s16.qacc " high ", %[right], 0\n\t"

/* Outputs of 16 sums into q4. */
TML_KERNEL void tml_pie_rescale_16(const tml_pie_rescale *rescale, const int32_t *words, const int32_t *masks)
{
    const int32_t right = rescale->right - 8;
    if (rescale->is_signed) {
        TML_PIE_ASM(TML_PIE_LOAD("q4") TML_PIE_LOAD("q5") TML_PIE_LOAD("q6") TML_PIE_NEXT_BORDER("q0")
                        TML_PIE_NEXT_BORDER("q1") TML_PIE_NEXT_BORDER("q2") TML_PIE_BORDER("q3", "q5", "q6"));
    } else {
        TML_PIE_ASM(TML_PIE_LOAD("q4") TML_PIE_LOAD("q5") TML_PIE_OFFSET("q0", "q4", "q6")
                        TML_PIE_OFFSET("q1", "q5", "q4") TML_PIE_OFFSET("q2", "q6", "q5")
                            TML_PIE_OFFSET("q3", "q4", "q6"));
    }
    const int32_t *half = masks + 1;
    __asm__ volatile("ee.vldbc.32 q7, %[half]\n\t" TML_PIE_HALVES("q0", "q1") TML_PIE_HALVES("q2", "q3")
                     "ee.zero.qacc" : : [half] "r"(half) : "memory");
    if (rescale->is_exact) {
        TML_PIE_ASM(TML_PIE_CARRY("q0", "q6"));
    }
    TML_PIE_ASM(TML_PIE_SCALE("q0", "q1", "q5", "q6") "ee.zero.qacc");
    if (rescale->is_exact) {
        TML_PIE_ASM(TML_PIE_CARRY("q2", "q6"));
    }
    /* The bytes above are the outputs: even channels' and odd ones', woven. */
    __asm__ volatile("ee.vmulas.s16.qacc q2, q0\n\t"
                     "ee.vmulas.s16.qacc q3, q6\n\t"
                     "ee.srcmb.s16.qacc q4, %[half], 0\n\t"
                     "ee.vmulas.s16.qacc q3, q0\n\t"
                     "ee.srcmb.s16.qacc q3, %[right], 0\n\t"
                     "ee.vunzip.8 q1, q4\n\t"
                     "ee.vunzip.8 q3, q5\n\t"
                     "ee.vzip.8 q4, q5"
                     :
                     : [half] "r"(16), [right] "r"(right));
}

/* Outputs of 8 sums into the low half of q4. */
TML_KERNEL void tml_pie_rescale_8(const tml_pie_rescale *rescale, const int32_t *words, const int32_t *masks)
{
    const int32_t right = rescale->right - 8;
    if (rescale->is_signed) {
        TML_PIE_ASM(TML_PIE_LOAD("q4") TML_PIE_LOAD("q5") TML_PIE_LOAD("q6") TML_PIE_NEXT_BORDER("q0")
                        TML_PIE_BORDER("q1", "q5", "q6"));
    } else {
        TML_PIE_ASM(TML_PIE_LOAD("q4") TML_PIE_LOAD("q7") TML_PIE_OFFSET("q0", "q4", "q5")
                        TML_PIE_OFFSET("q1", "q7", "q6"));
    }
    const int32_t *half = masks + 1;
    __asm__ volatile("ee.vldbc.32 q7, %[half]\n\t" TML_PIE_HALVES("q0", "q1") "ee.zero.qacc"
                     : : [half] "r"(half) : "memory");
    if (rescale->is_exact) {
        TML_PIE_ASM(TML_PIE_CARRY("q0", "q6"));
    }
    __asm__ volatile("ee.vmulas.s16.qacc q0, q5\n\t"
                     "ee.vmulas.s16.qacc q1, q6\n\t"
                     "ee.srcmb.s16.qacc q4, %[half], 0\n\t"
                     "ee.vmulas.s16.qacc q1, q5\n\t"
                     "ee.srcmb.s16.qacc q1, %[right], 0\n\t"
                     "ee.vunzip.8 q1, q4"
                     :
                     : [half] "r"(16), [right] "r"(right));
}

/* Adds a base to the outputs in q4, if there is one, and holds them within the bounds. */
TML_KERNEL void tml_pie_clamp(const tml_pie_rescale *rescale, int32_t lanes, const tml_pie_words_of *words)
{
    const int32_t *masks = words->masks;
    if (rescale->has_base) {
        const int32_t *base = words->own + tml_pie_words(rescale, lanes) - TML_PIE_BASE -
                              (rescale->has_singles ? TML_PIE_SINGLES : 0);
        __asm__ volatile("ee.vld.128.ip q5, %[base], 0\n\tee.vadds.s8 q4, q4, q5" : [base] "+r"(base) : : "memory");
    }
    if (rescale->clamp.min > INT8_MIN) {
        __asm__ volatile("ee.vldbc.8 q5, %[bound]\n\tee.vmax.s8 q4, q4, q5" : : [bound] "r"(masks + 2) : "memory");
    }
    if (rescale->clamp.max < INT8_MAX) {
        __asm__ volatile("ee.vldbc.8 q5, %[bound]\n\tee.vmin.s8 q4, q4, q5" : : [bound] "r"(masks + 3) : "memory");
    }
}

/* Sums that were added up in memory too, or that are held with less than 12 bits below them. */
TML_KERNEL void tml_pie_shift_sums(int32_t left, bool are_at_top)
{
    if (are_at_top) {
        __asm__ volatile("ssai 12\n\tee.vsr.32 q0, q0\n\tee.vsr.32 q1, q1\n\tee.vsr.32 q2, q2\n\tee.vsr.32 q3, q3");
    }
    __asm__ volatile("ssr %[left]\n\t"
                     "ee.vsl.32 q0, q0\n\tee.vsl.32 q1, q1\n\tee.vsl.32 q2, q2\n\tee.vsl.32 q3, q3"
                     :
                     : [left] "r"(left));
}

/* Outputs of the sums in the accumulator, `is_split` of those in memory too, to a multiple of 16 (8). */
TML_KERNEL void tml_pie_finish(const tml_pie_rescale *rescale, int32_t lanes, bool is_split,
                               const tml_pie_words_of *words, int8_t *memory, int8_t *output)
{
    if (lanes == TML_PIE_LANES) {
        tml_pie_read_16(memory, words->masks);
        if (is_split) {
            tml_pie_add_up(memory + TML_PIE_SUMS_BYTES);
        }
        if (is_split || rescale->left < TML_PIE_BELOW) {
            tml_pie_shift_sums(rescale->left, !is_split);
        }
        tml_pie_rescale_16(rescale, words->own, words->masks);
        tml_pie_clamp(rescale, lanes, words);
        __asm__ volatile("ee.vst.128.ip q4, %[to], 0" : [to] "+r"(output) : : "memory");
    } else {
        tml_pie_read_8(memory, words->masks);
        tml_pie_rescale_8(rescale, words->own, words->masks);
        tml_pie_clamp(rescale, lanes, words);
        __asm__ volatile("ee.vst.l.64.ip q4, %[to], 0" : [to] "+r"(output) : : "memory");
    }
    if (rescale->has_singles) {
        tml_pie_make_singles(rescale, lanes, is_split, words, memory, output);
    }
}

#endif
