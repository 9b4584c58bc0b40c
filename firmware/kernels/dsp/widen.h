/* Inputs of the matrix kernels: int8 to int16, the same channels of three pixels side by side.
 *
 *   pixel 0: c0 c1 c2 c3 ...       word 0: (c0, c2) of pixel 0     word 3: (c1, c3) of pixel 0
 *   pixel 1: c0 c1 c2 c3 ...  ->   word 1: (c0, c2) of pixel 1     word 4: (c1, c3) of pixel 1
 *   pixel 2: c0 c1 c2 c3 ...       word 2: (c0, c2) of pixel 2     word 5: (c1, c3) of pixel 2
 *
 * so that one LDM feeds three pixels. The order (0,2), (1,3) is what SXTB16 gives; weights are
 * stored in the same order. Bytes beyond the last whole word of a segment come after all words, in
 * pairs (e0, e1); a last half step is filled up by weights of 0, whatever the memory holds.
 * Cost: 13 instructions per word of three pixels, about 9 per odd byte of three pixels.
 */
#ifndef TML_DSP_WIDEN_H
#define TML_DSP_WIDEN_H

#include "tml.h"

/* Widens `words` >= 1 words of each pixel, which may be unaligned; returns the end of `widened`. */
TML_KERNEL int32_t *tml_dsp_widen_words(const int8_t *pixel0, const int8_t *pixel1,
                                        const int8_t *pixel2, int32_t words, int32_t *widened)
{
    __asm__ volatile("1:\n\t"
                     "ldr r4, [%0], #4\n\t"
                     "ldr r5, [%1], #4\n\t"
                     "ldr r6, [%2], #4\n\t"
                     "sxtb16 r8, r4, ror #8\n\t"
                     "sxtb16 r9, r5, ror #8\n\t"
                     "sxtb16 r10, r6, ror #8\n\t"
                     "sxtb16 r4, r4\n\t"
                     "sxtb16 r5, r5\n\t"
                     "sxtb16 r6, r6\n\t"
                     "stm %3!, {r4, r5, r6}\n\t"
                     "subs %4, #1\n\t"
                     "stm %3!, {r8, r9, r10}\n\t"
                     "bne 1b"
                     : "+r"(pixel0), "+r"(pixel1), "+r"(pixel2), "+r"(widened), "+r"(words)
                     :
                     : "r4", "r5", "r6", "r8", "r9", "r10", "cc", "memory");
    return widened;
}

/* Appends element `index` of the odd bytes; `widened` is the end of the whole words. */
TML_KERNEL void tml_dsp_widen_byte(int32_t pixel0, int32_t pixel1, int32_t pixel2, int32_t index,
                                   int32_t *widened)
{
    int16_t *to = (int16_t *)widened + 6 * (index >> 1) + (index & 1);
    to[0] = (int16_t)pixel0;
    to[2] = (int16_t)pixel1;
    to[4] = (int16_t)pixel2;
}

#endif
