/* The register block of the exact Winograd convolution F(2x2, 3x3): 3 tiles times 2 filters.
 *
 * A tile of 2x2 outputs of a 3x3 filter with stride 1 takes 16 products per channel instead of 36:
 *
 *   V = Bt d B     4x4 inputs d, transformed             Bt = 1  0 -1  0     At = 1  1  1  0
 *   U = 4 G g Gt   3x3 weights g, by the compiler             0  1  1  0          0  1 -1  1
 *   M = sum over channels of U * V, element by element        0 -1  1  0    2 G = 2  0  0
 *   4 Y = At M A   2x2 outputs                                0  1  0 -1          1  1  1
 *                                                                                 1 -1  1
 * Everything is an integer; G is doubled so that nothing                          0  0 -2
 * is rounded. |V| <= 512 and |U| <= 1143 fit int16; sums are
 * right modulo 2^32, and 4 Y is below 2^31 (the compiler proves it).
 *
 * One run accumulates M of one element (q, p) for 3 tiles and 2 filters over all channels, 8
 * instructions per 12 products. Runs come in the order q, p = 1, 2, 0, 3 so that sums and
 * differences can start the next run:  1, 2 -> m1 + m2 (continued by run 0), m1 - m2 (by run 3).
 * Weights, for each pair of filters: 4 biasA, 4 biasB; M C n of A, of B (n 0 in the linear form);
 * 16 runs of 2 words per 2 channels (A, B). Inputs: 16 runs of 3 words per 2 channels.
 * Cost per pair of filters, 24 outputs: 406 instructions (rounding 490), and in each of the 16 runs
 * 16 per 4 channels and 2 per 16 channels.
 */
#ifndef TML_DSP_WINOGRAD_BLOCK_H
#define TML_DSP_WINOGRAD_BLOCK_H

#include "gemm_block.h"

typedef struct {
    int8_t *output;        /* of the first tile */
    int32_t second;        /* bytes from there to the output of the second tile */
    int32_t third;         /* and of the third */
    int32_t row;           /* bytes to the next row of outputs */
    int32_t column;        /* bytes to the next column of outputs */
    const int32_t *inputs; /* transformed */
    uint32_t loops;        /* passes over 4 unrolled steps */
    uint32_t entry;        /* bytes of code that the first pass skips */
    const int32_t *end;    /* of the weights */
    const int32_t *weights;
} tml_dsp_winograd_block;

typedef void (*tml_dsp_winograd)(const tml_dsp_winograd_block *block);

/* Stack frame: the block's fields (entry as an address) up to 36, then
 *   36 return address of a run or of 5   40 M C n M C n   64 a difference of runs
 *   88, 112 sums of q for both columns of outputs   136, 160 their differences
 *   184 return address of 4 */
#define TML_DSP_CLEAR "mov r2, #0\nmov r3, #0\nmov r4, #0\nmov r5, #0\nmov r6, #0\nmov r7, #0\n"
#define TML_DSP_KEEP(at) "add lr, sp, #" #at "\nstm lr, {r2-r7}\n"
#define TML_DSP_TAKE(at) "add lr, sp, #" #at "\nldm lr, {r2-r7}\n"
#define TML_DSP_ADD(at)                                                                        \
    "add lr, sp, #" #at "\nldm lr, {r8-r12, lr}\n"                                             \
    "add r2, r8\nadd r3, r9\nadd r4, r10\nadd r5, r11\nadd r6, r12\nadd r7, lr\n"

/* Sums become `at` + sums; their difference, `at` - sums, goes to `difference`. */
#define TML_DSP_BUTTERFLY(at, difference)                                                      \
    TML_DSP_ADD(at)                                                                            \
    "rsb r8, r2, r8, lsl #1\nrsb r9, r3, r9, lsl #1\nrsb r10, r4, r10, lsl #1\n"               \
    "rsb r11, r5, r11, lsl #1\nrsb r12, r6, r12, lsl #1\nrsb lr, r7, lr, lsl #1\n"             \
    "strd r8, r9, [sp, #" #difference "]\nstrd r10, r11, [sp, #8 + " #difference "]\n"         \
    "strd r12, lr, [sp, #16 + " #difference "]\n"

/* The four runs of a q, between them what becomes of the sums for either column of outputs. */
#define TML_DSP_RUNS(column0, column1) "bl 4b\n" column0 TML_DSP_TAKE(64) "bl 3b\n" column1

/* Four times six sums to outputs in place: of filter A in r2, r3, r4, of B in r5, r6, r7. */
#define TML_DSP_LINEAR_ONE(shift, p)                                                           \
    "smmla " p ", " p ", r8, r9\nssat " p ", #8, " p ", asr #" #shift "\n"
#define TML_DSP_LINEAR_SIX(shift)                                                              \
    "ldrd r8, r9, [sp, #40]\n"                                                                 \
    TML_DSP_LINEAR_ONE(shift, "r2") TML_DSP_LINEAR_ONE(shift, "r3")                            \
    TML_DSP_LINEAR_ONE(shift, "r4") "ldrd r8, r9, [sp, #52]\n"                                 \
    TML_DSP_LINEAR_ONE(shift, "r5") TML_DSP_LINEAR_ONE(shift, "r6")                            \
    TML_DSP_LINEAR_ONE(shift, "r7")

#define TML_DSP_ROUNDING_ONE(p) "asr " p ", " p ", #1\n" TML_DSP_ROUND(p)
#define TML_DSP_ROUNDING_SIX                                                                   \
    "ldrd r8, r9, [sp, #40]\nldr r10, [sp, #48]\n" TML_DSP_ROUNDING_ONE("r2")                  \
    TML_DSP_ROUNDING_ONE("r3") TML_DSP_ROUNDING_ONE("r4")                                      \
    "ldrd r8, r9, [sp, #52]\nldr r10, [sp, #60]\n" TML_DSP_ROUNDING_ONE("r5")                  \
    TML_DSP_ROUNDING_ONE("r6") TML_DSP_ROUNDING_ONE("r7")

/* Outputs at one place of the tiles; `move` leads there from the tiles' first output. */
#define TML_DSP_EMIT(move) "ldr r12, [sp]\n" move "bl 5b\n"
#define TML_DSP_NEXT_ROW "ldr r8, [sp, #12]\nadd r12, r8\n"
#define TML_DSP_NEXT_COLUMN "ldr r8, [sp, #16]\nadd r12, r8\n"

/* What both blocks are made of. Labels: 1 next pair of filters, 3 a run over all rows and channels (2
 * its steps), 5 emit. `bytes` are those of the stack frame. */
#define TML_DSP_WINOGRAD_ENTER(bytes)                                                          \
    "mov r0, %0\n"                                                                             \
    "push {r4-r11, lr}\n"                                                                      \
    "ldm r0, {r1-r10}\n"                                                                       \
    "adr.w r11, 2f\n"                                                                          \
    "add r8, r11\n"                                                                            \
    "orr r8, #1\n"                                                                             \
    "sub sp, #" #bytes "\n"                                                                    \
    "stm sp, {r1-r9}\n"                                                                        \
    "mov r1, r10\n"                                                                            \
    "b.w 1f\n"                                                                                 \
    "3: str lr, [sp, #36]\n"                                                                   \
    "ldr lr, [sp, #24]\n"                                                                      \
    "ldr pc, [sp, #28]\n"                                                                      \
    ".balign 4\n"                                                                              \
    "2: .rept 4\n" TML_DSP_STEP_WIDE ".endr\n"                                                 \
    "subs lr, #1\n"                                                                            \
    "bne.w 2b\n"                                                                               \
    "ldr pc, [sp, #36]\n"
#define TML_DSP_WINOGRAD_OUTPUTS(six)                                                          \
    "5: str lr, [sp, #36]\n" six                                                               \
    "ldrd r8, r9, [sp, #4]\n"                                                                  \
    "strb r3, [r12, r8]\nstrb r4, [r12, r9]\nstrb r2, [r12], #1\n"                             \
    "strb r6, [r12, r8]\nstrb r7, [r12, r9]\nstrb r5, [r12]\n"                                 \
    "ldr pc, [sp, #36]\n"
#define TML_DSP_WINOGRAD_PAIR                                                                  \
    "1: ldrd r2, r5, [r1], #8\n"                                                               \
    "mov r3, r2\nmov r4, r2\nmov r6, r5\nmov r7, r5\n"                                         \
    "ldm r1!, {r8-r12, lr}\n"                                                                  \
    "add r0, sp, #40\n"                                                                        \
    "stm r0, {r8-r12, lr}\n"                                                                   \
    "ldr r0, [sp, #20]\n"
#define TML_DSP_WINOGRAD_LEAVE(bytes)                                                          \
    "ldr r8, [sp]\n"                                                                           \
    "ldr r9, [sp, #32]\n"                                                                      \
    "add r8, #2\n"                                                                             \
    "str r8, [sp]\n"                                                                           \
    "cmp r1, r9\n"                                                                             \
    "bne.w 1b\n"                                                                               \
    "add sp, #" #bytes "\n"                                                                    \
    "pop {r4-r11, lr}\n"

/* Label 4: three runs. */
#define TML_DSP_WINOGRAD(name, six)                                                            \
    TML_DSP_SHARED void name(const tml_dsp_winograd_block *block)                              \
    {                                                                                          \
        __asm__ volatile(TML_DSP_WINOGRAD_ENTER(188)                                           \
                         "4: str lr, [sp, #184]\n"                                             \
                         "bl 3b\n" TML_DSP_KEEP(64) TML_DSP_CLEAR                              \
                         "bl 3b\n" TML_DSP_BUTTERFLY(64, 64)                                   \
                         "bl 3b\n"                                                             \
                         "ldr pc, [sp, #184]\n"                                                \
                         TML_DSP_WINOGRAD_OUTPUTS(six) TML_DSP_WINOGRAD_PAIR                   \
                         TML_DSP_RUNS(TML_DSP_KEEP(88), TML_DSP_KEEP(112)) TML_DSP_CLEAR       \
                         TML_DSP_RUNS(TML_DSP_BUTTERFLY(88, 136) TML_DSP_KEEP(88),             \
                                      TML_DSP_BUTTERFLY(112, 160) TML_DSP_KEEP(112))           \
                         TML_DSP_CLEAR                                                         \
                         TML_DSP_RUNS(TML_DSP_ADD(88) TML_DSP_EMIT(""),                        \
                                      TML_DSP_ADD(112) TML_DSP_EMIT(TML_DSP_NEXT_COLUMN))      \
                         TML_DSP_CLEAR                                                         \
                         TML_DSP_RUNS(                                                         \
                             TML_DSP_ADD(136) TML_DSP_EMIT(TML_DSP_NEXT_ROW),                  \
                             TML_DSP_ADD(160)                                                  \
                                 TML_DSP_EMIT(TML_DSP_NEXT_ROW TML_DSP_NEXT_COLUMN))           \
                         TML_DSP_WINOGRAD_LEAVE(188)                                           \
                         :                                                                     \
                         : "r"(block)                                                          \
                         : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");               \
    }

#define TML_DSP_WINOGRAD_LINEAR(shift)                                                         \
    TML_DSP_WINOGRAD(tml_dsp_winograd_linear_##shift, TML_DSP_LINEAR_SIX(shift))

TML_DSP_WINOGRAD_LINEAR(4)
TML_DSP_WINOGRAD_LINEAR(5)
TML_DSP_WINOGRAD_LINEAR(6)
TML_DSP_WINOGRAD_LINEAR(7)
TML_DSP_WINOGRAD(tml_dsp_winograd_rounding, TML_DSP_ROUNDING_SIX)

#endif
