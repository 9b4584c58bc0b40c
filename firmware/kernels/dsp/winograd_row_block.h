/* The register block of the exact Winograd convolution F(2, 3) along rows: 3 tiles times 2 filters.
 *
 * A tile of two neighbouring outputs takes 4 products per filter row and channel instead of 6:
 *
 *   V = Bt d     4 inputs d of a row, transformed        Bt = 1  0 -1  0     At = 1  1  1  0
 *   U = 2 G g    3 weights g of a row, by the compiler        0  1  1  0          0  1 -1  1
 *   M = sum over rows and channels of U * V                   0 -1  1  0    2 G = 2  0  0
 *   2 Y = At M   2 outputs                                    0  1  0 -1          1  1  1
 *                                                                                 1 -1  1
 * Everything is an integer; G is doubled so that nothing                          0  0 -2
 * is rounded. |V| <= 256 and |U| <= 384 fit int16; sums are
 * right modulo 2^32, and 2 Y is below 2^31 (the compiler proves it).
 *
 * As winograd_block.h with one direction less: one run accumulates an element p of M for 3 tiles
 * and 2 filters over all rows and channels. Runs come in the order p = 1, 2, 0, 3: sum and
 * difference of the first two, m1 + m2 and m1 - m2, start the others.
 * Weights, for each pair of filters: 2 biasA, 2 biasB; M C n of A, of B (n 0 in the linear form);
 * 4 runs of 2 words (A, B) per 2 channels of a row. Inputs: 4 runs of 3 words per 2 channels.
 * Cost per pair of filters, 12 outputs: 122 instructions (rounding 148), and in each of the 4 runs
 * 16 per 4 channels of a row and 2 per 16.
 */
#ifndef TML_DSP_WINOGRAD_ROW_BLOCK_H
#define TML_DSP_WINOGRAD_ROW_BLOCK_H

#include "winograd_block.h"

/* Six doubled sums to outputs in place, as SMMLAR wants them. */
#define TML_DSP_DOUBLED_SIX                                                                    \
    "ldrd r8, r9, [sp, #40]\nldr r10, [sp, #48]\n"                                             \
    TML_DSP_ROUND("r2") TML_DSP_ROUND("r3") TML_DSP_ROUND("r4")                                \
    "ldrd r8, r9, [sp, #52]\nldr r10, [sp, #60]\n"                                             \
    TML_DSP_ROUND("r5") TML_DSP_ROUND("r6") TML_DSP_ROUND("r7")

/* Stack frame: the block's fields (entry as an address) up to 36, 36 return address of 3 or 5,
 * 40 M C n M C n, 64 a difference of runs. */
#define TML_DSP_WINOGRAD_ROW(name, six)                                                        \
    TML_DSP_SHARED void name(const tml_dsp_winograd_block *block)                              \
    {                                                                                          \
        __asm__ volatile(TML_DSP_WINOGRAD_ENTER(88)                                            \
                         TML_DSP_WINOGRAD_OUTPUTS(six) TML_DSP_WINOGRAD_PAIR                   \
                         "bl 3b\n" TML_DSP_KEEP(64) TML_DSP_CLEAR                              \
                         "bl 3b\n" TML_DSP_BUTTERFLY(64, 64)                                   \
                         "bl 3b\n" TML_DSP_EMIT("") TML_DSP_TAKE(64)                           \
                         "bl 3b\n" TML_DSP_EMIT(TML_DSP_NEXT_COLUMN)                           \
                         TML_DSP_WINOGRAD_LEAVE(88)                                            \
                         :                                                                     \
                         : "r"(block)                                                          \
                         : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");               \
    }

#define TML_DSP_WINOGRAD_ROW_LINEAR(shift)                                                     \
    TML_DSP_WINOGRAD_ROW(tml_dsp_winograd_row_linear_##shift, TML_DSP_LINEAR_SIX(shift))

TML_DSP_WINOGRAD_ROW_LINEAR(3)
TML_DSP_WINOGRAD_ROW_LINEAR(4)
TML_DSP_WINOGRAD_ROW_LINEAR(5)
TML_DSP_WINOGRAD_ROW_LINEAR(6)
TML_DSP_WINOGRAD_ROW(tml_dsp_winograd_row_rounding, TML_DSP_DOUBLED_SIX)

#endif
