/* The register block of gemm_block.h for the one or two pixels that three at a time leave over.
 *
 *               filter A   filter B      Step of 4 channels, one pixel: 2 LDR, 1 LDRD, 2 SXTB16 and
 *   pixel 0  |  a0 = r2    b0 = r5       4 SMLAD for 8 products; two pixels: 3 LDRD, 2 SXTB16 and
 *   pixel 1  |  a1 = r3    b1 = r6       8 SMLAD for 16.
 *
 * Inputs stay interleaved for three pixels, weights and epilogues are the same: those of the packed
 * forms that leave no sums. The compiler decides which of the two a layer needs, if any: one where
 * rows of 16 outputs are computed one by one, say.
 *
 * Cost of a pair of filters: for one pixel 18 instructions (linear 19, rounding 26) and 9 per step,
 * for two 25 (27, 40) and 13 per step, and 2 per 4 steps.
 */
#ifndef TML_DSP_GEMM_TAIL_H
#define TML_DSP_GEMM_TAIL_H

#include "gemm_run.h"

#define TML_DSP_STEP_1                                                                         \
    "ldr r8, [r0], #12\n\t"                                                                    \
    "ldr r9, [r0], #12\n\t"                                                                    \
    "ldrd r11, r12, [r1], #8\n\t"                                                              \
    "smlad r5, r8, r11, r5\n\tsxtb16 r11, r11\n\tsmlad r2, r8, r11, r2\n\t"                    \
    "smlad r5, r9, r12, r5\n\tsxtb16 r12, r12\n\tsmlad r2, r9, r12, r2\n\t"

#define TML_DSP_STEP_2_HALF(weights)                                                           \
    "smlad r5, r8, " weights ", r5\n\tsmlad r6, r9, " weights ", r6\n\t"                       \
    "sxtb16 " weights ", " weights "\n\t"                                                      \
    "smlad r2, r8, " weights ", r2\n\tsmlad r3, r9, " weights ", r3\n\t"
#define TML_DSP_STEP_2                                                                         \
    "ldrd r8, r9, [r0], #12\n\t"                                                               \
    "ldrd r11, r12, [r1], #8\n\t" TML_DSP_STEP_2_HALF("r11")                                   \
    "ldrd r8, r9, [r0], #12\n\t" TML_DSP_STEP_2_HALF("r12")

#define TML_DSP_SEPARATE_1 "sub r5, r2\n\t"
#define TML_DSP_SEPARATE_2 "sub r5, r2\n\tsub r6, r3\n\t"

/* `p0` and, for two pixels, `p1` to outputs. */
#define TML_DSP_LINEAR_OF(shift, p, m, c)                                                      \
    "smmla " p ", " p ", " m ", " c "\n\tssat " p ", #8, " p ", asr #" #shift "\n\t"
#define TML_DSP_LINEAR_1(shift, p0, p1, m, c)                                                  \
    TML_DSP_LINEAR_OF(shift, p0, m, c) "strb " p0 ", [r0], #1\n\t"
#define TML_DSP_LINEAR_2(shift, p0, p1, m, c)                                                  \
    TML_DSP_LINEAR_OF(shift, p0, m, c) TML_DSP_LINEAR_OF(shift, p1, m, c)                      \
    "strb " p1 ", [r0, r12]\n\tstrb " p0 ", [r0], #1\n\t"
#define TML_DSP_ROUND_1(p0, p1) TML_DSP_ROUND(p0) "strb " p0 ", [r0], #1\n\t"
#define TML_DSP_ROUND_2(p0, p1)                                                                \
    TML_DSP_ROUND(p0) TML_DSP_ROUND(p1) "strb " p1 ", [r0, r12]\n\tstrb " p0 ", [r0], #1\n\t"
#define TML_DSP_EACH_1(what, p0, p1) what(p0)
#define TML_DSP_EACH_2(what, p0, p1) what(p0) what(p1)

#define TML_DSP_TAIL_DIRECT(n)                                                                 \
    "ldm r1!, {r8, r9, r10, r11}\n\t" TML_DSP_OUTPUTS                                          \
    TML_DSP_LINEAR_##n(4, "r2", "r3", "r8", "r9") TML_DSP_LINEAR_##n(11, "r5", "r6", "r10", "r11")
#define TML_DSP_TAIL_LINEAR(n, shift)                                                          \
    "ldm r1!, {r8, r9, r10, r11}\n\t" TML_DSP_OUTPUTS                                          \
    TML_DSP_EACH_##n(TML_DSP_LSL_8, "r2", "r3")                                                \
    TML_DSP_LINEAR_##n(shift, "r2", "r3", "r8", "r9")                                          \
    TML_DSP_LINEAR_##n(shift, "r5", "r6", "r10", "r11")
#define TML_DSP_TAIL_ROUNDING(n)                                                               \
    "ldm r1!, {r8, r9, r10}\n\t" TML_DSP_OUTPUTS TML_DSP_EACH_##n(TML_DSP_LSL_1, "r2", "r3")   \
    TML_DSP_ROUND_##n("r2", "r3")                                                              \
    "ldm r1!, {r8, r9, r10}\n\t" TML_DSP_EACH_##n(TML_DSP_ASR_7, "r5", "r6")                   \
    TML_DSP_ROUND_##n("r5", "r6")

#define TML_DSP_TAIL(name, n, epilogue)                                                        \
    TML_DSP_GEMM(tml_dsp_tail_##n##_##name, 4, TML_DSP_STEP_##n, TML_DSP_SEPARATE_##n, epilogue)
#define TML_DSP_TAILS(n)                                                                       \
    TML_DSP_TAIL(direct, n, TML_DSP_TAIL_DIRECT(n))                                            \
    TML_DSP_TAIL(linear_8, n, TML_DSP_TAIL_LINEAR(n, 8))                                       \
    TML_DSP_TAIL(linear_9, n, TML_DSP_TAIL_LINEAR(n, 9))                                       \
    TML_DSP_TAIL(linear_10, n, TML_DSP_TAIL_LINEAR(n, 10))                                     \
    TML_DSP_TAIL(linear_11, n, TML_DSP_TAIL_LINEAR(n, 11))                                     \
    TML_DSP_TAIL(linear_12, n, TML_DSP_TAIL_LINEAR(n, 12))                                     \
    TML_DSP_TAIL(linear_13, n, TML_DSP_TAIL_LINEAR(n, 13))                                     \
    TML_DSP_TAIL(rounding, n, TML_DSP_TAIL_ROUNDING(n))                                        \
    TML_KERNEL tml_dsp_gemm tml_dsp_tail_##n##_of(int32_t form, int32_t shift)                 \
    {                                                                                          \
        if (form != TML_DSP_LINEAR_FORM) {                                                     \
            return form == TML_DSP_DIRECT_FORM ? tml_dsp_tail_##n##_direct                     \
                                               : tml_dsp_tail_##n##_rounding;                  \
        }                                                                                      \
        switch (shift) {                                                                       \
        case 8:                                                                                \
            return tml_dsp_tail_##n##_linear_8;                                                \
        case 9:                                                                                \
            return tml_dsp_tail_##n##_linear_9;                                                \
        case 10:                                                                               \
            return tml_dsp_tail_##n##_linear_10;                                               \
        case 12:                                                                               \
            return tml_dsp_tail_##n##_linear_12;                                               \
        case 13:                                                                               \
            return tml_dsp_tail_##n##_linear_13;                                               \
        default:                                                                               \
            return tml_dsp_tail_##n##_linear_11;                                               \
        }                                                                                      \
    }

TML_DSP_TAILS(1)
TML_DSP_TAILS(2)

/* The block for what is left of a layer's pixels; NULL when three at a time serve it, and where
 * params come at run time: then all blocks of every form would become code. */
TML_KERNEL tml_dsp_gemm tml_dsp_tail_of(const tml_dsp_gemm_params *params, int32_t pixels)
{
    if (!__builtin_constant_p(pixels) || pixels == 0) {
        return NULL;
    }
    return pixels == 1 ? tml_dsp_tail_1_of(params->form, params->shift)
                       : tml_dsp_tail_2_of(params->form, params->shift);
}

#endif
