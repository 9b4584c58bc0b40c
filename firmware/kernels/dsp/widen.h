/* Inputs of the matrix kernels: int8 to int16, the same channels of three pixels side by side.
 *
 *   pixel 0: c0 c1 c2 c3 ...       word 0: (c0, c2) of pixel 0     word 3: (c1, c3) of pixel 0
 *   pixel 1: c0 c1 c2 c3 ...  ->   word 1: (c0, c2) of pixel 1     word 4: (c1, c3) of pixel 1
 *   pixel 2: c0 c1 c2 c3 ...       word 2: (c0, c2) of pixel 2     word 5: (c1, c3) of pixel 2
 *
 * so that one LDM feeds three pixels. The order (0,2), (1,3) is what SXTB16 gives; weights are
 * stored in the same order. A window is a number of segments of contiguous bytes: all their whole
 * words come first, then the odd bytes in pairs (e0, e1); a last half step is filled up by weights
 * of 0, whatever the memory holds.
 * Cost: 26 instructions + 6 per segment + 13 per word of three pixels + 12 per odd byte of three.
 */
#ifndef TML_DSP_WIDEN_H
#define TML_DSP_WIDEN_H

#include "gemm_block.h"

/* Equidistant segments under three windows. */
typedef struct {
    const int8_t *at[3]; /* first segment of each window, need not be aligned */
    int32_t *widened;
    int32_t segments; /* >= 1 */
    int32_t words;    /* whole words of a segment, >= 1 */
    int32_t skip;     /* bytes from the last whole word of a segment to the next segment */
} tml_dsp_windows;

/* Widens the whole words of all segments. */
TML_DSP_SHARED void tml_dsp_widen_words(const tml_dsp_windows *windows)
{
    __asm__ volatile("mov r0, %0\n\t"
                     "push {r4-r11, lr}\n\t"
                     "ldm r0, {r0-r6}\n"
                     "1:\n\t"
                     "mov lr, r5\n"
                     "2:\n\t"
                     "ldr r7, [r0], #4\n\t"
                     "ldr r8, [r1], #4\n\t"
                     "ldr r9, [r2], #4\n\t"
                     "sxtb16 r10, r7, ror #8\n\t"
                     "sxtb16 r11, r8, ror #8\n\t"
                     "sxtb16 r12, r9, ror #8\n\t"
                     "sxtb16 r7, r7\n\t"
                     "sxtb16 r8, r8\n\t"
                     "sxtb16 r9, r9\n\t"
                     "stm r3!, {r7, r8, r9}\n\t"
                     "subs lr, #1\n\t"
                     "stm r3!, {r10, r11, r12}\n\t"
                     "bne 2b\n\t"
                     "add r0, r6\n\t"
                     "add r1, r6\n\t"
                     "add r2, r6\n\t"
                     "subs r4, #1\n\t"
                     "bne 1b\n\t"
                     "pop {r4-r11, lr}\n\t"
                     :
                     : "r"(windows)
                     : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
}

/* Element `index` of the odd bytes, that of pixel 0; those of the others are 2 and 4 further. */
TML_KERNEL int16_t *tml_dsp_odd_byte(int32_t *after_words, int32_t index)
{
    return (int16_t *)after_words + 6 * (index >> 1) + (index & 1);
}

#endif
