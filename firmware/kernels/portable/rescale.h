/* rescale.h: 32-bit sums to int8 outputs in few instructions, for cores without DSP instructions.
 *
 * The compiler picks one form per layer and proves it equal to the reference for every sum that can
 * occur (tinyml/variants/portable_rescale.py). Each channel has three words: bias, factor, offset; SIGNED a fourth.
 *
 *   HIGH       t = high 32 bits of (sum * factor), out = clamp((t + offset) >> shift)
 *              for cores with a multiplication that gives them; out bounds are any.
 *   SPLIT      s = max(sum, 0), factor = f1 * 2^16 + f0
 *              out = min + ((((s * f0) >> low_bits) + s * f1 + offset) >> shift), at most max
 *              for cores that only have the low 32 bits of a product. All unsigned. With shift 0
 *              each channel has its own in the low five bits of its offset.
 *   SIGNED     t = high 32 bits of (sum * 2^low_bits * factor), out = clamp((t + offset) >> shift)
 *              where sums below 0 have an offset of their own: halves are rounded away from zero
 *   REFERENCE  tml_requantise_right or tml_requantise: factor is the multiplier, offset the shift
 *
 * Instructions: HIGH 9, SIGNED 12, SPLIT 16, REFERENCE 13 (with a high multiplication) to 40 (without).
 */
#ifndef TML_PORTABLE_RESCALE_H
#define TML_PORTABLE_RESCALE_H

#include "tml.h"
#include "tml_fixedpoint.h"

/* Between the taps of an unrolled loop: compilers would load ahead of need until registers run out,
 * and, where sums are not TML_OPAQUE, add them up as trees. Costs no instruction. */
#if defined(__GNUC__) || defined(__clang__)
#define TML_IN_ORDER __asm__ volatile("" ::: "memory")
#define TML_SETTLED(a, b) __asm__ volatile("" : "+r"(a), "+r"(b)) /* both are computed by here */
#else
#define TML_IN_ORDER ((void)0)
#define TML_SETTLED(a, b) ((void)0)
#endif

enum { TML_RESCALE_HIGH, TML_RESCALE_SIGNED, TML_RESCALE_SPLIT, TML_RESCALE_REFERENCE };

typedef struct {
    int32_t form;
    int32_t shift;
    int32_t low_bits;
    bool shifts_right; /* tml_requantise_right is valid for all channels */
    int32_t output_offset;
    tml_clamp clamp;
} tml_portable_rescale;

/* Words of a channel. */
TML_KERNEL int32_t tml_portable_words(const tml_portable_rescale *rescale)
{
    return rescale->form == TML_RESCALE_SIGNED ? 4 : 3;
}

/* The output of a sum that has had its channel's bias added; `words` points to the channel's. */
TML_KERNEL int8_t tml_portable_output(const tml_portable_rescale *rescale, const int32_t *words,
                                      int32_t sum)
{
    const tml_clamp clamp = rescale->clamp;
    if (rescale->form == TML_RESCALE_SPLIT) {
        const uint32_t s = (uint32_t)(sum & ~(sum >> 31));
        const uint32_t factor = (uint32_t)words[1];
        const uint32_t low = (s * (factor & 0xFFFFu)) >> rescale->low_bits;
        const bool is_common = rescale->shift > 0;
        const uint32_t offset = (uint32_t)words[2];
        const uint32_t all = low + s * (factor >> 16) + (is_common ? offset : offset >> 5);
        const int32_t steps
            = (int32_t)(all >> (is_common ? (uint32_t)rescale->shift : offset & 31u));
        const int32_t most = clamp.max - clamp.min;
        return (int8_t)(clamp.min + (steps < most ? steps : most));
    }
    int32_t scaled;
    if (rescale->form == TML_RESCALE_HIGH) {
        const int32_t high = (int32_t)(((int64_t)sum * words[1]) >> 32);
        scaled = (high + words[2]) >> rescale->shift;
    } else if (rescale->form == TML_RESCALE_SIGNED) {
        const int32_t wide = (int32_t)((uint32_t)sum << rescale->low_bits);
        const int32_t high = (int32_t)(((int64_t)wide * words[1]) >> 32);
        scaled = (high + (sum < 0 ? words[3] : words[2])) >> rescale->shift;
    } else {
        scaled = rescale->output_offset
            + (rescale->shifts_right ? tml_requantise_right(sum, words[1], words[2])
                                     : tml_requantise(sum, words[1], words[2]));
    }
    return (int8_t)tml_clamp_to(scaled, clamp.min, clamp.max);
}

#endif
