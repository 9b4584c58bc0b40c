/* The register blocks of the DSP matrix-vector kernels for int16 values: one row times filters.
 *
 *                A        B        C        D          Short: step of 4 inputs, 16 products, 19
 *   row x     |  a = r2   b = r3   c = r4   d = r5     instructions (21 cycles on Cortex-M4): 2 LDR
 *                                                      of 2 inputs, LDM of 4 weight words, 8 SXTB16,
 *                                                      8 SMLAD.
 *                A            B                        Long: step of 4 inputs, 8 products, 11
 *   row x     |  a = r2, r3   b = r4, r5               instructions: 2 LDR, LDRD, 4 SXTB16, 4 SMLALD.
 *
 * Inputs are read as they stand in memory, two at a time, at any even address. The stream of weights
 * holds for each four filters (long: two)
 *   4 biases (long: 2 of two words)
 *   4 words per step: A B and C D of inputs 0 and 1, then of 2 and 3, bytes as in gemm_block_s16.h
 *     (long: 2 words, A and B)
 *   the constants of the epilogue for A, B, C, D (long: A, B): those of gemm_block_s16.h
 * Cost per four filters: 26 instructions (shifted 34, twice 38), 19 per step, 3 per 4 steps; per two,
 * long: 33, 11 per step, 3 per 4 steps.
 */
#ifndef TML_DSP_ROW_BLOCK_S16_H
#define TML_DSP_ROW_BLOCK_S16_H

#include "gemm_block_s16.h"
#include "row_block.h"

/* Weights of filters whose sums are `a` and `b`, for inputs `x`. */
#define TML_DSP_ROW_MAC_S16(x, w, a, b)                                                        \
    "sxtb16 r12, " w ", ror #8\n\tsxtb16 " w ", " w "\n\t"                                     \
    "smlad " b ", " x ", r12, " b "\n\tsmlad " a ", " x ", " w ", " a "\n\t"

#define TML_DSP_ROW_STEP_S16                                                                   \
    "ldr r8, [r0], #4\n\t"                                                                     \
    "ldr r9, [r0], #4\n\t"                                                                     \
    "ldm r1!, {r6, r7, r10, r11}\n\t"                                                          \
    TML_DSP_ROW_MAC_S16("r8", "r6", "r2", "r3") TML_DSP_ROW_MAC_S16("r8", "r7", "r4", "r5")    \
    TML_DSP_ROW_MAC_S16("r9", "r10", "r2", "r3") TML_DSP_ROW_MAC_S16("r9", "r11", "r4", "r5")

#define TML_DSP_ROW_MAC_LONG_S16(w, low, high)                                                 \
    "sxtb16 r12, " w ", ror #8\n\tsxtb16 " w ", " w "\n\t"                                     \
    "smlald " low ", " high ", r8, " w "\n\tsmlald " low ", " high ", r9, r12\n\t"

#define TML_DSP_ROW_STEP_LONG_S16                                                              \
    "ldr r8, [r0], #4\n\t"                                                                     \
    "ldr r9, [r0], #4\n\t"                                                                     \
    "ldrd r6, r7, [r1], #8\n\t"                                                                \
    TML_DSP_ROW_MAC_LONG_S16("r6", "r2", "r3") TML_DSP_ROW_MAC_LONG_S16("r7", "r4", "r5")

#define TML_DSP_ROW_END_ONCE_S16(cut)                                                          \
    "ldm r1!, {r6, r7, r8, r9}\n\t"                                                            \
    "smmulr r2, r2, r6\n\tsmmulr r3, r3, r7\n\tsmmulr r4, r4, r8\n\tsmmulr r5, r5, r9\n\t"     \
    "ldr r0, [sp]\n\t" cut("r2") cut("r3") cut("r4") cut("r5")                                 \
    "strh r3, [r0, #2]\n\tstrh r4, [r0, #4]\n\tstrh r5, [r0, #6]\n\tstrh r2, [r0], #8\n\t"

#define TML_DSP_ROW_EACH_S16(rescale, cut, p)                                                  \
    "ldm r1!, {r8, r9, r10}\n\t" rescale(p) cut(p) "strh " p ", [r0], #2\n\t"

#define TML_DSP_ROW_END_EACH_S16(rescale, cut)                                                 \
    "ldr r0, [sp]\n\t"                                                                         \
    TML_DSP_ROW_EACH_S16(rescale, cut, "r2") TML_DSP_ROW_EACH_S16(rescale, cut, "r3")          \
    TML_DSP_ROW_EACH_S16(rescale, cut, "r4") TML_DSP_ROW_EACH_S16(rescale, cut, "r5")

#define TML_DSP_ROW_ONE_LONG_S16(cut, low, high)                                               \
    "ldm r1!, {r8, r9, r10, r11}\n\t" TML_DSP_LONG_S16(cut, low, high, "r6")                   \
    "strh " low ", [r0], #2\n\t"

#define TML_DSP_ROW_END_LONG_S16(cut)                                                          \
    "ldr r0, [sp]\n\t"                                                                         \
    TML_DSP_ROW_ONE_LONG_S16(cut, "r2", "r3") TML_DSP_ROW_ONE_LONG_S16(cut, "r4", "r5")

/* The blocks of one cut. */
#define TML_DSP_ROWS_S16(name, cut)                                                            \
    TML_DSP_ROW(tml_dsp_row_s16_once##name, TML_DSP_ROW_STEP_S16,                              \
                TML_DSP_ROW_END_ONCE_S16(cut))                                                 \
    TML_DSP_ROW(tml_dsp_row_s16_shifted##name, TML_DSP_ROW_STEP_S16,                           \
                TML_DSP_ROW_END_EACH_S16(TML_DSP_SHIFTED_S16, cut))                            \
    TML_DSP_ROW(tml_dsp_row_s16_twice##name, TML_DSP_ROW_STEP_S16,                             \
                TML_DSP_ROW_END_EACH_S16(TML_DSP_TWICE_S16, cut))                              \
    TML_DSP_ROW(tml_dsp_row_s16_long##name, TML_DSP_ROW_STEP_LONG_S16,                         \
                TML_DSP_ROW_END_LONG_S16(cut))

TML_DSP_ROWS_S16(, TML_DSP_SSAT_S16)
TML_DSP_ROWS_S16(_relu, TML_DSP_USAT_S16)

#endif
