/* The register block of the DSP matrix-vector kernels: one row of inputs times four filters.
 *
 *                A        B        C        D          Step of 8 inputs, 32 products, 27
 *   row x     |  a = r2   b = r3   c = r4   d = r5     instructions (42 cycles on Cortex-M4):
 *                                                      LDM of 8 inputs, 2 LDM of 4 weight words,
 *                                                      8 SXTB16, 16 SMLAD.
 *
 * Every weight is used once, so what counts is to load it cheaply: as byte pairs, 4 words by one
 * LDM. Byte pairs, their condition and the epilogues are those of gemm_block.h; the stream of
 * weights holds for each four filters
 *   4 biases (b and d: + 256 times, as in gemm_block.h)
 *   8 words per step (wide: 16): for each pair of inputs A|B, C|D (wide: A, B, C, D)
 *   the constants of the epilogue for A, B, C, D, unless all outputs have the same (uniform)
 * Inputs are int16 pairs in the order (0,2), (1,3), as widen.h makes them.
 * Cost per four filters: 26 instructions, uniform 30 (rounding 44 and 42, wide 42; sums 21 or
 * 17 and then some 25 per output), 27 (wide 21) per step and 3 per 4 steps.
 */
#ifndef TML_DSP_ROW_BLOCK_H
#define TML_DSP_ROW_BLOCK_H

#include "gemm_block.h"

/* One run of a block: four consecutive outputs (bytes, or words for sums) per four filters. */
typedef struct {
    void *output;
    const int32_t *inputs; /* widened */
    uint32_t entry;        /* bytes of the 4 unrolled steps that the first pass skips */
    const int32_t *inputs_end;
    const int32_t *end; /* of the weights */
    const int32_t *weights;
    const int32_t *constants; /* M C n of all outputs, when they are uniform; else any 3 words */
} tml_dsp_row_block;

typedef void (*tml_dsp_row)(const tml_dsp_row_block *block);

/* Stack frame while running: output, inputs, address of entry, end of inputs, end of weights, and
 * at 20 the uniform constants. */
#define TML_DSP_ROW(name, step, epilogue)                                                      \
    TML_DSP_SHARED void name(const tml_dsp_row_block *block)                                   \
    {                                                                                          \
        __asm__ volatile("mov r0, %0\n\t"                                                      \
                         "push {r4-r11, lr}\n\t"                                               \
                         "ldm r0, {r1-r7}\n\t"                                                 \
                         "adr.w r8, 2f\n\t"                                                    \
                         "add r3, r8\n\t"                                                      \
                         "orr r3, #1\n\t"                                                      \
                         "ldm r7, {r7, r8, r9}\n\t"                                            \
                         "push {r1-r5, r7, r8, r9}\n\t"                                        \
                         "mov r1, r6\n"                                                        \
                         "1:\n\t" /* next four filters: sums start with the biases */          \
                         "ldm r1!, {r2, r3, r4, r5}\n\t"                                       \
                         "ldr r0, [sp, #4]\n\t"                                                \
                         "ldr pc, [sp, #8]\n\t"                                                \
                         ".balign 4\n"                                                         \
                         "2:\n\t"                                                              \
                         ".rept 4\n\t" step ".endr\n\t"                                        \
                         "ldr r6, [sp, #12]\n\t"                                               \
                         "cmp r0, r6\n\t"                                                      \
                         "bne.w 2b\n\t" epilogue                                               \
                         "str r0, [sp]\n\t"                                                    \
                         "ldr r6, [sp, #16]\n\t"                                               \
                         "cmp r1, r6\n\t"                                                      \
                         "bne.w 1b\n\t"                                                        \
                         "add sp, #32\n\t"                                                     \
                         "pop {r4-r11, lr}\n\t"                                                \
                         :                                                                     \
                         : "r"(block)                                                          \
                         : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");               \
    }

#define TML_DSP_ROW_MAC(x, w0, w1)                                                             \
    "smlad r3, " x ", " w0 ", r3\n\tsxtb16 " w0 ", " w0 "\n\t"                                 \
    "smlad r5, " x ", " w1 ", r5\n\tsxtb16 " w1 ", " w1 "\n\t"                                 \
    "smlad r2, " x ", " w0 ", r2\n\tsmlad r4, " x ", " w1 ", r4\n\t"

#define TML_DSP_ROW_STEP_PACKED                                                                \
    "ldm r0!, {r6, r7, r8, r9}\n\t"                                                            \
    "ldm r1!, {r10, r11, r12, lr}\n\t"                                                         \
    TML_DSP_ROW_MAC("r6", "r10", "r11") TML_DSP_ROW_MAC("r7", "r12", "lr")                     \
    "ldm r1!, {r10, r11, r12, lr}\n\t"                                                         \
    TML_DSP_ROW_MAC("r8", "r10", "r11") TML_DSP_ROW_MAC("r9", "r12", "lr")

#define TML_DSP_ROW_MAC_WIDE(x)                                                                \
    "ldm r1!, {r10, r11, r12, lr}\n\t"                                                         \
    "smlad r2, " x ", r10, r2\n\tsmlad r3, " x ", r11, r3\n\t"                                 \
    "smlad r4, " x ", r12, r4\n\tsmlad r5, " x ", lr, r5\n\t"

#define TML_DSP_ROW_STEP_WIDE                                                                  \
    "ldm r0!, {r6, r7, r8, r9}\n\t"                                                            \
    TML_DSP_ROW_MAC_WIDE("r6") TML_DSP_ROW_MAC_WIDE("r7")                                      \
    TML_DSP_ROW_MAC_WIDE("r8") TML_DSP_ROW_MAC_WIDE("r9")

/* b and d become 256 * B and 256 * D. */
#define TML_DSP_ROW_SEPARATE "sub r3, r2\n\tsub r5, r4\n\t"

#define TML_DSP_ROW_SCALE(constants, ma, mb, mc, md)                                           \
    TML_DSP_ROW_SEPARATE TML_DSP_LSL_8("r2") TML_DSP_LSL_8("r4") constants                     \
    "smmla r2, r2, " ma "\n\tsmmla r3, r3, " mb "\n\t"                                         \
    "smmla r4, r4, " mc "\n\tsmmla r5, r5, " md "\n\t"
#define TML_DSP_ROW_STORE                                                                      \
    "ldr r0, [sp]\n\t"                                                                         \
    "strb r3, [r0, #1]\n\tstrb r4, [r0, #2]\n\tstrb r5, [r0, #3]\n\tstrb r2, [r0], #4\n\t"

#define TML_DSP_ROW_EPILOGUE_LINEAR(shift)                                                     \
    TML_DSP_ROW_SCALE("ldm r1!, {r6-r9}\n\tldm r1!, {r10, r11, r12, lr}\n\t",                  \
                      "r6, r7", "r8, r9", "r10, r11", "r12, lr")                               \
    "ssat r2, #8, r2, asr #" #shift "\n\tssat r3, #8, r3, asr #" #shift "\n\t"                 \
    "ssat r4, #8, r4, asr #" #shift "\n\tssat r5, #8, r5, asr #" #shift "\n\t"                 \
    TML_DSP_ROW_STORE

/* One block for every shift: there are registers left for it. */
#define TML_DSP_ROW_SSAT(p) "asr " p ", " p ", r8\n\tssat " p ", #8, " p "\n\t"
#define TML_DSP_ROW_EPILOGUE_UNIFORM                                                           \
    TML_DSP_ROW_SCALE("ldrd r6, r7, [sp, #20]\n\tldr r8, [sp, #28]\n\t",                       \
                      "r6, r7", "r6, r7", "r6, r7", "r6, r7")                                  \
    TML_DSP_ROW_SSAT("r2") TML_DSP_ROW_SSAT("r3") TML_DSP_ROW_SSAT("r4") TML_DSP_ROW_SSAT("r5") \
    TML_DSP_ROW_STORE

#define TML_DSP_ROW_ROUND(constants, sum)                                                      \
    constants TML_DSP_ROUND(sum) "strb " sum ", [r0], #1\n\t"

/* `constants` loads M, C, n before each output, `uniform` before all four. */
#define TML_DSP_ROW_EPILOGUE_ROUNDING(separate, twice, uniform, constants)                     \
    separate TML_DSP_LSL_1("r2") twice("r3") TML_DSP_LSL_1("r4") twice("r5")                   \
    "ldr r0, [sp]\n\t" uniform                                                                 \
    TML_DSP_ROW_ROUND(constants, "r2") TML_DSP_ROW_ROUND(constants, "r3")                      \
    TML_DSP_ROW_ROUND(constants, "r4") TML_DSP_ROW_ROUND(constants, "r5")

#define TML_DSP_ROW_EACH "ldm r1!, {r8, r9, r10}\n\t"
#define TML_DSP_ROW_UNIFORM "ldrd r8, r9, [sp, #20]\n\tldr r10, [sp, #28]\n\t"

#define TML_DSP_ROW_EPILOGUE_SUMS(separate, once)                                              \
    separate once("r3") once("r5")                                                             \
    "add r1, #32\n\t"                                                                          \
    "ldr r0, [sp]\n\t"                                                                         \
    "stm r0!, {r2, r3, r4, r5}\n\t"

#define TML_DSP_ROW_LINEAR(shift)                                                              \
    TML_DSP_ROW(tml_dsp_row_linear_##shift, TML_DSP_ROW_STEP_PACKED,                           \
                TML_DSP_ROW_EPILOGUE_LINEAR(shift))

TML_DSP_ROW_LINEAR(8)
TML_DSP_ROW_LINEAR(9)
TML_DSP_ROW_LINEAR(10)
TML_DSP_ROW_LINEAR(11)
TML_DSP_ROW_LINEAR(12)
TML_DSP_ROW_LINEAR(13)
TML_DSP_ROW(tml_dsp_row_uniform, TML_DSP_ROW_STEP_PACKED, TML_DSP_ROW_EPILOGUE_UNIFORM)
TML_DSP_ROW(tml_dsp_row_rounding, TML_DSP_ROW_STEP_PACKED,
            TML_DSP_ROW_EPILOGUE_ROUNDING(TML_DSP_ROW_SEPARATE, TML_DSP_ASR_7, "",
                                          TML_DSP_ROW_EACH))
TML_DSP_ROW(tml_dsp_row_uniform_rounding, TML_DSP_ROW_STEP_PACKED,
            TML_DSP_ROW_EPILOGUE_ROUNDING(TML_DSP_ROW_SEPARATE, TML_DSP_ASR_7,
                                          TML_DSP_ROW_UNIFORM, ""))
TML_DSP_ROW(tml_dsp_row_sums, TML_DSP_ROW_STEP_PACKED,
            TML_DSP_ROW_EPILOGUE_SUMS(TML_DSP_ROW_SEPARATE, TML_DSP_ASR_8))
TML_DSP_ROW(tml_dsp_row_wide_rounding, TML_DSP_ROW_STEP_WIDE,
            TML_DSP_ROW_EPILOGUE_ROUNDING("", TML_DSP_LSL_1, "", TML_DSP_ROW_EACH))
TML_DSP_ROW(tml_dsp_row_uniform_wide_rounding, TML_DSP_ROW_STEP_WIDE,
            TML_DSP_ROW_EPILOGUE_ROUNDING("", TML_DSP_LSL_1, TML_DSP_ROW_UNIFORM, ""))
TML_DSP_ROW(tml_dsp_row_wide_sums, TML_DSP_ROW_STEP_WIDE,
            TML_DSP_ROW_EPILOGUE_SUMS("", TML_DSP_AS_IS))

#endif
