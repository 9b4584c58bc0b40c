/* The register block of the DSP matrix kernels: 3 pixels times pairs of filters.
 *
 *                 filter A        filter B            Step of 4 channels, 24 products, 17
 *   pixel 0 x0 |  a0 = r2         b0 = r5             instructions (25 cycles on Cortex-M4):
 *   pixel 1 x1 |  a1 = r3         b1 = r6             2 LDM of 3 inputs, 1 LDRD of 2 weights,
 *   pixel 2 x2 |  a2 = r4         b2 = r7             2 SXTB16, 12 SMLAD.
 *
 * Inputs are widened to int16 and interleaved (widen.h): a word holds two channels of one pixel.
 * Weights stay 8 bits wide: a halfword holds A + 256 * B of one channel, a word those of two. SMLAD
 * with the raw word sums A + 256 * B into b; after SXTB16 it sums A alone into a; b - a is 256 * B.
 * That is exact while B's sum, bias and zero point included, is below 2^23 in magnitude and no
 * B weight is -128; the compiler proves both. Wide blocks (int16 weights, 16 instructions per step)
 * have no condition.
 *
 * The weights are one stream of words, for each pair of filters
 *   biasA, biasA + 256 * biasB     (wide: biasA, biasB), input zero point and delta folded in
 *   2 words per step               (wide: 4), channels (0,2) then (1,3)
 *   the constants of the epilogue  for A, then for B
 * Epilogues (tinyml/ir/requant.py has the proofs):
 *   direct:    M C      q = ssat8((C + (f * sum * M >> 32)) >> n), A: f 1, n 4; B: f 256, n 11
 *   linear n:  M C      q = ssat8((C + (256 * sum * M >> 32)) >> n)
 *   rounding:  M C n    q = ssat8(smmlar(2 * sum, M, C + (sum >> 31)) >> n)
 *   sums:      M n      stores the 32-bit sum; C code rescales it
 * Cost of a pair of filters, 6 outputs: 32 instructions (linear 35, rounding 51, wide 48; sums 23
 * or 20 and then some 40 per output), 17 (wide 16) per step and 2 per 8 steps. The body is one asm
 * block with fixed registers, so that neither compiler nor optimisation level matters; the first
 * pass enters the unrolled steps in their middle.
 */
#ifndef TML_DSP_GEMM_BLOCK_H
#define TML_DSP_GEMM_BLOCK_H

#include "tml.h"

/* A body that several layers share; costs nothing when no layer uses it. */
#define TML_DSP_SHARED static __attribute__((noinline, unused))

/* One run of a block. Output bytes of a pixel are consecutive, two per pair of filters (8 bytes for
 * the sums epilogue); the outputs of absent pixels are directed onto those of a present one. */
typedef struct {
    void *output;          /* of the first pixel */
    int32_t second;        /* bytes from there to the output of the second pixel */
    int32_t third;         /* and of the third */
    const int32_t *inputs; /* widened */
    uint32_t loops;        /* passes over the unrolled steps */
    uint32_t entry;        /* bytes of code that the first pass skips */
    const int32_t *end;    /* of the weights of the last pair */
    const int32_t *weights;
} tml_dsp_block;

typedef void (*tml_dsp_gemm)(const tml_dsp_block *block);

/* Stack frame while running: output, second, third, inputs, loops, address of entry, end. */
#define TML_DSP_GEMM_FROM(name, start, unroll, step, separate, epilogue)                       \
    TML_DSP_SHARED void name(const tml_dsp_block *block)                                       \
    {                                                                                          \
        __asm__ volatile("mov r0, %0\n\t"                                                      \
                         "push {r4-r11, lr}\n\t"                                               \
                         "ldm r0, {r1-r8}\n\t"                                                 \
                         "adr.w r9, 2f\n\t"                                                    \
                         "add r6, r9\n\t"                                                      \
                         "orr r6, #1\n\t"                                                      \
                         "push {r1-r7}\n\t"                                                    \
                         "mov r1, r8\n"                                                        \
                         "1:\n\t" /* next pair of filters: sums start with the biases */       \
                         start                                                                 \
                         "ldrd r0, lr, [sp, #12]\n\t"                                          \
                         "ldr pc, [sp, #20]\n\t"                                               \
                         ".balign 4\n"                                                         \
                         "2:\n\t"                                                              \
                         ".rept " #unroll "\n\t" step ".endr\n\t"                               \
                         "subs lr, #1\n\t"                                                     \
                         "bne.w 2b\n\t" separate epilogue                                      \
                         "str r0, [sp]\n\t"                                                    \
                         "ldr r8, [sp, #24]\n\t"                                               \
                         "cmp r1, r8\n\t"                                                      \
                         "bne.w 1b\n\t"                                                        \
                         "add sp, #28\n\t"                                                     \
                         "pop {r4-r11, lr}\n\t"                                                \
                         :                                                                     \
                         : "r"(block)                                                          \
                         : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");               \
    }

/* A in r2 to r4, B in r5 to r7. */
#define TML_DSP_GEMM(name, unroll, step, separate, epilogue)                                   \
    TML_DSP_GEMM_FROM(name,                                                                    \
                      "ldrd r2, r5, [r1]\n\tldrd r3, r6, [r1]\n\tldrd r4, r7, [r1], #8\n\t",     \
                      unroll, step, separate, epilogue)

#define TML_DSP_MAC_A(weights)                                                                 \
    "smlad r2, r8, " weights ", r2\n\tsmlad r3, r9, " weights ", r3\n\tsmlad r4, r10, " weights \
    ", r4\n\t"
#define TML_DSP_MAC_B(weights)                                                                 \
    "smlad r5, r8, " weights ", r5\n\tsmlad r6, r9, " weights ", r6\n\tsmlad r7, r10, " weights \
    ", r7\n\t"

#define TML_DSP_STEP_PACKED                                                                    \
    "ldm r0!, {r8, r9, r10}\n\t"                                                               \
    "ldrd r11, r12, [r1], #8\n\t"                                                              \
    TML_DSP_MAC_B("r11") "sxtb16 r11, r11\n\t" TML_DSP_MAC_A("r11")                            \
    "ldm r0!, {r8, r9, r10}\n\t"                                                               \
    TML_DSP_MAC_B("r12") "sxtb16 r12, r12\n\t" TML_DSP_MAC_A("r12")

#define TML_DSP_STEP_WIDE                                                                      \
    "ldm r0!, {r8, r9, r10}\n\t"                                                               \
    "ldrd r11, r12, [r1], #8\n\t"                                                              \
    TML_DSP_MAC_A("r11") TML_DSP_MAC_B("r12")                                                  \
    "ldm r0!, {r8, r9, r10}\n\t"                                                               \
    "ldrd r11, r12, [r1], #8\n\t"                                                              \
    TML_DSP_MAC_A("r11") TML_DSP_MAC_B("r12")

/* b becomes 256 * B. */
#define TML_DSP_SEPARATE "sub r5, r2\n\tsub r6, r3\n\tsub r7, r4\n\t"

#define TML_DSP_LINEAR(shift, p0, p1, p2, m, c)                                                \
    "smmla " p0 ", " p0 ", " m ", " c "\n\tsmmla " p1 ", " p1 ", " m ", " c "\n\t"             \
    "smmla " p2 ", " p2 ", " m ", " c "\n\tssat " p0 ", #8, " p0 ", asr #" #shift "\n\t"       \
    "ssat " p1 ", #8, " p1 ", asr #" #shift "\n\tssat " p2 ", #8, " p2 ", asr #" #shift "\n\t" \
    TML_DSP_STORE("strb", "1", p0, p1, p2)

#define TML_DSP_STORE(store, size, p0, p1, p2)                                                 \
    store " " p1 ", [r0, r12]\n\t" store " " p2 ", [r0, lr]\n\t"                               \
    store " " p0 ", [r0], #" size "\n\t"

/* To r0, r12, lr: output, second, third. */
#define TML_DSP_OUTPUTS "ldm sp, {r0, r12, lr}\n\t"

#define TML_DSP_EPILOGUE_LINEAR(shift)                                                         \
    "ldm r1!, {r8, r9, r10, r11}\n\t" TML_DSP_OUTPUTS                                          \
    TML_DSP_SHIFT(TML_DSP_LSL_8, "r2", "r3", "r4")                                             \
    TML_DSP_LINEAR(shift, "r2", "r3", "r4", "r8", "r9")                                        \
    TML_DSP_LINEAR(shift, "r5", "r6", "r7", "r10", "r11")

#define TML_DSP_EPILOGUE_DIRECT                                                                \
    "ldm r1!, {r8, r9, r10, r11}\n\t" TML_DSP_OUTPUTS                                          \
    TML_DSP_LINEAR(4, "r2", "r3", "r4", "r8", "r9")                                            \
    TML_DSP_LINEAR(11, "r5", "r6", "r7", "r10", "r11")

#define TML_DSP_ROUND(p)                                                                       \
    "add r11, r9, " p ", asr #31\n\tsmmlar " p ", " p ", r8, r11\n\t"                          \
    "asr " p ", " p ", r10\n\tssat " p ", #8, " p "\n\t"

#define TML_DSP_SHIFT(shift, p0, p1, p2)                                                       \
    shift(p0) shift(p1) shift(p2)
#define TML_DSP_LSL_1(p) "lsl " p ", " p ", #1\n\t"
#define TML_DSP_LSL_8(p) "lsl " p ", " p ", #8\n\t"
#define TML_DSP_ASR_7(p) "asr " p ", " p ", #7\n\t"
#define TML_DSP_ASR_8(p) "asr " p ", " p ", #8\n\t"
#define TML_DSP_AS_IS(p)

/* `twice` makes twice the sum of B from what the separation left. */
#define TML_DSP_EPILOGUE_ROUNDING(twice)                                                       \
    "ldm r1!, {r8, r9, r10}\n\t" TML_DSP_OUTPUTS TML_DSP_SHIFT(TML_DSP_LSL_1, "r2", "r3", "r4") \
    TML_DSP_ROUND("r2") TML_DSP_ROUND("r3") TML_DSP_ROUND("r4")                                \
    TML_DSP_STORE("strb", "1", "r2", "r3", "r4")                                               \
    "ldm r1!, {r8, r9, r10}\n\t" TML_DSP_SHIFT(twice, "r5", "r6", "r7")                        \
    TML_DSP_ROUND("r5") TML_DSP_ROUND("r6") TML_DSP_ROUND("r7")                                \
    TML_DSP_STORE("strb", "1", "r5", "r6", "r7")

/* `once` makes the sum of B; the constants are left to the C code. */
#define TML_DSP_EPILOGUE_SUMS(once)                                                            \
    "add r1, #16\n\t" TML_DSP_OUTPUTS TML_DSP_SHIFT(once, "r5", "r6", "r7")                    \
    TML_DSP_STORE("str", "4", "r2", "r3", "r4") TML_DSP_STORE("str", "4", "r5", "r6", "r7")

#define TML_DSP_GEMM_LINEAR(shift)                                                             \
    TML_DSP_GEMM(tml_dsp_gemm_linear_##shift, 8, TML_DSP_STEP_PACKED, TML_DSP_SEPARATE,        \
                 TML_DSP_EPILOGUE_LINEAR(shift))

TML_DSP_GEMM_LINEAR(8)
TML_DSP_GEMM_LINEAR(9)
TML_DSP_GEMM_LINEAR(10)
TML_DSP_GEMM_LINEAR(11)
TML_DSP_GEMM_LINEAR(12)
TML_DSP_GEMM_LINEAR(13)
TML_DSP_GEMM(tml_dsp_gemm_direct, 8, TML_DSP_STEP_PACKED, TML_DSP_SEPARATE,
             TML_DSP_EPILOGUE_DIRECT)
TML_DSP_GEMM(tml_dsp_gemm_rounding, 8, TML_DSP_STEP_PACKED, TML_DSP_SEPARATE,
             TML_DSP_EPILOGUE_ROUNDING(TML_DSP_ASR_7))
TML_DSP_GEMM(tml_dsp_gemm_sums, 8, TML_DSP_STEP_PACKED, TML_DSP_SEPARATE,
             TML_DSP_EPILOGUE_SUMS(TML_DSP_ASR_8))
TML_DSP_GEMM(tml_dsp_gemm_wide_rounding, 8, TML_DSP_STEP_WIDE, "",
             TML_DSP_EPILOGUE_ROUNDING(TML_DSP_LSL_1))
TML_DSP_GEMM(tml_dsp_gemm_wide_sums, 8, TML_DSP_STEP_WIDE, "", TML_DSP_EPILOGUE_SUMS(TML_DSP_AS_IS))

#endif
