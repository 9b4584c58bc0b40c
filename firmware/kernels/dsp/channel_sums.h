/* channel_sums.h: sums of four neighbouring channels over many pixels, for Armv7E-M (SXTAB16).
 *
 * A 32-bit load brings four channels of a pixel; SXTAB16 adds two of them, sign-extended, to the
 * halves of a sum:
 *
 *   word        c0 | c1 | c2 | c3             even += (c0, c2)      odd += (c1, c3)
 *
 * The halves hold sums of up to 256 pixels. 15 instructions per 16 elements and 6 per run.
 */
#ifndef TML_DSP_CHANNEL_SUMS_H
#define TML_DSP_CHANNEL_SUMS_H

#include "tml.h"

#define TML_DSP_MOST_PIXELS 256

typedef struct {
    uint32_t even;
    uint32_t odd;
} tml_channel_sums;

#define TML_SUM_ADD(x) \
    "sxtab16 %[even], %[even], %[" x "]\n\t" \
    "sxtab16 %[odd], %[odd], %[" x "], ror #8\n\t"

/* Four bytes at any address. */
typedef struct {
    uint32_t bytes;
} __attribute__((packed, may_alias)) tml_four_bytes;

/* Adds one pixel. */
TML_KERNEL void tml_channel_sums_pixel(tml_channel_sums *sums, const int8_t *input)
{
    const uint32_t four = ((const tml_four_bytes *)(const void *)input)->bytes;
    __asm__("sxtab16 %0, %0, %1" : "+&r"(sums->even) : "r"(four));
    __asm__("sxtab16 %0, %0, %1, ror #8" : "+&r"(sums->odd) : "r"(four));
}

/* Adds a run of pixels (at least one) that lie `step` bytes apart; `input` needs no alignment. */
TML_KERNEL void tml_channel_sums_add(tml_channel_sums *sums, const int8_t *input, int32_t step,
                                     int32_t pixels)
{
    uint32_t even = sums->even, odd = sums->odd, a, b, c, d;
    int32_t fours = pixels >> 2;
    int32_t ones = pixels & 3;
    if (fours > 0) {
        __asm__ volatile("1:\n\t"
                         "ldr %[a], [%[in]]\n\t"
                         "ldr %[b], [%[in], %[step]]\n\t"
                         "ldr %[c], [%[in], %[step], lsl #1]\n\t"
                         "ldr %[d], [%[in], %[step3]]\n\t"
                         "add %[in], %[in], %[step], lsl #2\n\t"
                         TML_SUM_ADD("a") TML_SUM_ADD("b") TML_SUM_ADD("c") TML_SUM_ADD("d")
                         "subs %[fours], %[fours], #1\n\t"
                         "bne 1b"
                         : [in] "+&r"(input), [even] "+&r"(even), [odd] "+&r"(odd),
                           [fours] "+&r"(fours), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c),
                           [d] "=&r"(d)
                         : [step] "r"(step), [step3] "r"(3 * step)
                         : "cc", "memory");
    }
    if (ones > 0) {
        __asm__ volatile("1:\n\t"
                         "ldr %[a], [%[in]]\n\t"
                         "add %[in], %[in], %[step]\n\t" TML_SUM_ADD("a")
                         "subs %[ones], %[ones], #1\n\t"
                         "bne 1b"
                         : [in] "+&r"(input), [even] "+&r"(even), [odd] "+&r"(odd), [ones] "+&r"(ones),
                           [a] "=&r"(a)
                         : [step] "r"(step)
                         : "cc", "memory");
    }
    sums->even = even;
    sums->odd = odd;
}

/* The sum of channel `i` of four. */
TML_KERNEL int32_t tml_channel_sums_of(const tml_channel_sums *sums, int32_t i)
{
    const uint32_t pair = i & 1 ? sums->odd : sums->even;
    return i & 2 ? (int32_t)pair >> 16 : (int16_t)(pair & 0xFFFFu);
}

#endif
