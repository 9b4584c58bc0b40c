/* The register blocks of the DSP matrix kernels for int16 values: 3 pixels times filters.
 *
 *                 filter A        filter B            Short: step of 2 channels, 12 products, 10
 *   pixel 0 x0 |  a0 = r2         b0 = r5             instructions (13 cycles on Cortex-M4):
 *   pixel 1 x1 |  a1 = r3         b1 = r6             LDM of 3 inputs, LDR of 1 word of weights,
 *   pixel 2 x2 |  a2 = r4         b2 = r7             2 SXTB16, 6 SMLAD.
 *
 *                 filter A                            Long: step of 4 channels, 12 products, 11
 *   pixel 0 x0 |  a0 = r2, r3                         instructions: 2 LDM of 3 inputs, LDR of 1
 *   pixel 1 x1 |  a1 = r4, r5                         word of weights, 2 SXTB16, 6 SMLALD.
 *   pixel 2 x2 |  a2 = r6, r7
 *
 * A word of inputs holds two channels of one pixel as they stand in memory. Bytes of a word of weights,
 * so that SXTB16 and SXTB16 with ROR #8 give them in the order of the inputs:
 *   short  A0 B0 A1 B1 of channels 0 and 1      long  A0 A2 A1 A3 of channels 0 to 3
 * Wide blocks (int16 weights, 8 instructions per step) are short ones with words A0 A1, B0 B1.
 *
 * Short sums have 32 bits, which the compiler proves enough; long ones 64. The stream of weights holds
 *   short, for each pair of filters   biasA, biasB, the words of its steps, constants for A, for B
 *   long, for each filter             bias (2 words), the words of its steps, constants
 * What makes 16 bits of a sum, for the factor m / 2^S of tml_requantise_wide:
 *   once     M         cut(smmulr(sum, M)), M = m * 2^(32 - S): the product ends where the rounding is
 *   shifted  M C n     cut(smmla(sum, M, C) >> n), M = m * 2^k, n = S + k - 32 >= 1, C = 2^(n - 1)
 *   long     M R C n   cut((((sum * M + R) >> 32) + C) >> n): once (R = 2^31) or shifted (R = 0)
 * and for sums of 32 bits that the reference rounds twice:
 *   twice    M C n     cut(smmlar(2 * sum, M, C + (sum >> 31)) >> n), as in gemm_block.h
 * They are exact as they are, floors of one quotient: tinyml/variants/dsp_s16.py. `cut` is SSAT #16, or
 * USAT #15 after a ReLU.
 * Cost of a pair of filters, 6 outputs: 29 instructions (shifted 38, twice 50), 10 (wide 8) per step, 2 per
 * 8 steps; of one filter, 3 outputs, long: 34, 11 per step, 2 per 8 steps.
 */
#ifndef TML_DSP_GEMM_BLOCK_S16_H
#define TML_DSP_GEMM_BLOCK_S16_H

#include "gemm_block.h"

#define TML_DSP_STEP_SHORT_S16                                                                 \
    "ldm r0!, {r8, r9, r10}\n\t"                                                               \
    "ldr r11, [r1], #4\n\t"                                                                    \
    "sxtb16 r12, r11, ror #8\n\t"                                                              \
    "sxtb16 r11, r11\n\t" TML_DSP_MAC_B("r12") TML_DSP_MAC_A("r11")

#define TML_DSP_STEP_WIDE_S16                                                                  \
    "ldm r0!, {r8, r9, r10}\n\t"                                                               \
    "ldrd r11, r12, [r1], #8\n\t" TML_DSP_MAC_A("r11") TML_DSP_MAC_B("r12")

#define TML_DSP_MAC_LONG_S16(weights)                                                          \
    "smlald r2, r3, r8, " weights "\n\tsmlald r4, r5, r9, " weights                            \
    "\n\tsmlald r6, r7, r10, " weights "\n\t"

#define TML_DSP_STEP_LONG_S16                                                                  \
    "ldm r0!, {r8, r9, r10}\n\t"                                                               \
    "ldr r11, [r1], #4\n\t"                                                                    \
    "sxtb16 r12, r11, ror #8\n\t"                                                              \
    "sxtb16 r11, r11\n\t" TML_DSP_MAC_LONG_S16("r11")                                          \
    "ldm r0!, {r8, r9, r10}\n\t" TML_DSP_MAC_LONG_S16("r12")

#define TML_DSP_START_LONG_S16                                                                 \
    "ldrd r2, r3, [r1]\n\tldrd r4, r5, [r1]\n\tldrd r6, r7, [r1], #8\n\t"

#define TML_DSP_SSAT_S16(p) "ssat " p ", #16, " p "\n\t"
#define TML_DSP_USAT_S16(p) "usat " p ", #15, " p "\n\t"

#define TML_DSP_STORE_S16(p0, p1, p2) TML_DSP_STORE("strh", "2", p0, p1, p2)

#define TML_DSP_ONCE_S16(cut, p0, p1, p2, m)                                                   \
    "smmulr " p0 ", " p0 ", " m "\n\tsmmulr " p1 ", " p1 ", " m "\n\t"                         \
    "smmulr " p2 ", " p2 ", " m "\n\t" cut(p0) cut(p1) cut(p2) TML_DSP_STORE_S16(p0, p1, p2)

#define TML_DSP_END_ONCE_S16(cut)                                                              \
    "ldrd r8, r9, [r1], #8\n\t" TML_DSP_OUTPUTS                                                \
    TML_DSP_ONCE_S16(cut, "r2", "r3", "r4", "r8") TML_DSP_ONCE_S16(cut, "r5", "r6", "r7", "r9")

#define TML_DSP_SHIFTED_S16(p)                                                                 \
    "smmla " p ", " p ", r8, r9\n\tasr " p ", " p ", r10\n\t"

#define TML_DSP_TWICE_S16(p)                                                                   \
    "add r11, r9, " p ", asr #31\n\tlsl " p ", #1\n\t"                                         \
    "smmlar " p ", " p ", r8, r11\n\tasr " p ", " p ", r10\n\t"

/* `rescale` one after the other; M C n come before each filter. */
#define TML_DSP_EACH_S16(rescale, cut, p0, p1, p2)                                             \
    "ldm r1!, {r8, r9, r10}\n\t" rescale(p0) rescale(p1) rescale(p2) cut(p0) cut(p1) cut(p2)   \
    TML_DSP_STORE_S16(p0, p1, p2)

#define TML_DSP_END_EACH_S16(rescale, cut)                                                     \
    TML_DSP_OUTPUTS TML_DSP_EACH_S16(rescale, cut, "r2", "r3", "r4")                           \
    TML_DSP_EACH_S16(rescale, cut, "r5", "r6", "r7")

/* `low` and `high` to 16 bits in `low`, by M R C n in r8 to r11; takes r12 and `free`. */
#define TML_DSP_LONG_S16(cut, low, high, free)                                                 \
    "umull " free ", r12, " low ", r8\n\tmla r12, " high ", r8, r12\n\t"                       \
    "adds " free ", " free ", r9\n\tadc r12, r12, r10\n\t"                                     \
    "asr " low ", r12, r11\n\t" cut(low)

#define TML_DSP_END_LONG_S16(cut)                                                              \
    "ldm r1!, {r8, r9, r10, r11}\n\t" TML_DSP_LONG_S16(cut, "r2", "r3", "r0")                  \
    TML_DSP_LONG_S16(cut, "r4", "r5", "r0") TML_DSP_LONG_S16(cut, "r6", "r7", "r0")            \
    TML_DSP_OUTPUTS TML_DSP_STORE_S16("r2", "r4", "r6")

/* The blocks of one width of weights and one cut. */
#define TML_DSP_GEMMS_S16(width, step, name, cut)                                              \
    TML_DSP_GEMM(tml_dsp_gemm_s16_##width##once##name, 8, step, "", TML_DSP_END_ONCE_S16(cut)) \
    TML_DSP_GEMM(tml_dsp_gemm_s16_##width##shifted##name, 8, step, "",                         \
                 TML_DSP_END_EACH_S16(TML_DSP_SHIFTED_S16, cut))                               \
    TML_DSP_GEMM(tml_dsp_gemm_s16_##width##twice##name, 8, step, "",                           \
                 TML_DSP_END_EACH_S16(TML_DSP_TWICE_S16, cut))

TML_DSP_GEMMS_S16(, TML_DSP_STEP_SHORT_S16, , TML_DSP_SSAT_S16)
TML_DSP_GEMMS_S16(, TML_DSP_STEP_SHORT_S16, _relu, TML_DSP_USAT_S16)
TML_DSP_GEMMS_S16(wide_, TML_DSP_STEP_WIDE_S16, , TML_DSP_SSAT_S16)
TML_DSP_GEMMS_S16(wide_, TML_DSP_STEP_WIDE_S16, _relu, TML_DSP_USAT_S16)
TML_DSP_GEMM_FROM(tml_dsp_gemm_s16_long, TML_DSP_START_LONG_S16, 8, TML_DSP_STEP_LONG_S16, "",
                  TML_DSP_END_LONG_S16(TML_DSP_SSAT_S16))
TML_DSP_GEMM_FROM(tml_dsp_gemm_s16_long_relu, TML_DSP_START_LONG_S16, 8, TML_DSP_STEP_LONG_S16, "",
                  TML_DSP_END_LONG_S16(TML_DSP_USAT_S16))

#endif
