/* The register block of the DSP depthwise kernel for int16 values: 2 channels times 4 outputs of a line.
 *
 *              output 0   output 1   output 2   output 3     A word of the line holds both channels of
 *   channel 0 |   r2         r4         r6         r8        one element, a word of weights those of
 *   channel 1 |   r3         r5         r7         r9        one tap: SMLABB sums channel 0, SMLATT
 *                                                            channel 1.
 *
 *   chunk of 3 taps, stride 1    x0 x1 x2 x3 x4 x5            6 elements, 3 weights: LDM, 6 LDR,
 *     output 0                   w0 w1 w2                     24 products, 2 to go on: 33 instructions
 *     output 1                      w0 w1 w2                  (stride 2: 9 elements, 36)
 *     output 2                         w0 w1 w2
 *     output 3                            w0 w1 w2
 *   single tap, any stride       x0 x1 x2 x3, one weight: 2 LDR, 4 LDR less 1, 8 products, 2: 15
 *
 * The stream of weights holds for each pair of channels: 2 biases; for each chunk its words of weights
 * and the bytes from there to the next chunk in the lines; the constants of the epilogue (those of
 * gemm_block_s16.h, once or shifted): M0 M1, or M C n for channel 0, then for channel 1.
 * A line ends with four outputs that may overlap those before: its outputs are 4 or more.
 * Cost per four outputs: 39 instructions (shifted 49), the chunks, 3 per chunk or per three.
 */
#ifndef TML_DSP_DEPTHWISE_BLOCK_S16_H
#define TML_DSP_DEPTHWISE_BLOCK_S16_H

#include "gemm_block_s16.h"

/* One run of a block: the outputs of a line. */
typedef struct {
    void *output;
    int32_t out_step;     /* bytes from output to output */
    const int32_t *input; /* the first output's first element */
    int32_t in_step;      /* bytes of the line from output to output */
    int32_t left;         /* outputs, 4 or more */
    const int32_t *weights;
    const int32_t *end;   /* of the chunks */
} tml_dsp_line_s16;

typedef void (*tml_dsp_depthwise_s16)(const tml_dsp_line_s16 *line);

/* The stack frame while running is a tml_dsp_line_s16. */
#define TML_DSP_DEPTHWISE_S16(name, prepare, unroll, step, epilogue)                           \
    TML_DSP_SHARED void name(const tml_dsp_line_s16 *line)                                     \
    {                                                                                          \
        __asm__ volatile("mov r0, %0\n\t"                                                      \
                         "push {r4-r11, lr}\n\t"                                               \
                         "ldm r0, {r1-r7}\n\t"                                                 \
                         "push {r1-r7}\n"                                                      \
                         "1:\n\t" /* next four outputs: sums start with the biases */          \
                         "ldr r0, [sp, #8]\n\t"                                                \
                         "ldr r1, [sp, #20]\n\t" prepare                                       \
                         "ldrd r2, r3, [r1]\n\tldrd r4, r5, [r1]\n\t"                          \
                         "ldrd r6, r7, [r1]\n\tldrd r8, r9, [r1], #8\n"                        \
                         "2:\n\t"                                                              \
                         ".rept " #unroll "\n\t" step                                          \
                         "ldr lr, [r1], #4\n\tadd r0, lr\n\t.endr\n\t"                         \
                         "ldr lr, [sp, #24]\n\t"                                               \
                         "cmp r1, lr\n\t"                                                      \
                         "bne.w 2b\n\t" epilogue                                               \
                         "ldrd r0, r12, [sp]\n\t"                                              \
                         "pkhbt r2, r2, r3, lsl #16\n\tpkhbt r4, r4, r5, lsl #16\n\t"          \
                         "pkhbt r6, r6, r7, lsl #16\n\tpkhbt r8, r8, r9, lsl #16\n\t"          \
                         "str r2, [r0]\n\tstr r4, [r0, r12]\n\t"                               \
                         "add r0, r0, r12, lsl #1\n\t"                                         \
                         "str r6, [r0]\n\tstr r8, [r0, r12]\n\t"                               \
                         "add r0, r0, r12, lsl #1\n\t"                                         \
                         "ldrd r1, r2, [sp, #8]\n\t"                                           \
                         "ldr r3, [sp, #16]\n\t"                                               \
                         "add r1, r1, r2, lsl #2\n\t"                                          \
                         "subs r3, #4\n\t"                                                     \
                         "beq 4f\n\t"                                                          \
                         "cmp r3, #4\n\t"                                                      \
                         "bge 3f\n\t"                                                          \
                         "rsb r4, r3, #4\n\t" /* back to the last four */                      \
                         "mls r0, r4, r12, r0\n\t"                                             \
                         "mls r1, r4, r2, r1\n\t"                                              \
                         "movs r3, #4\n"                                                       \
                         "3:\n\t"                                                              \
                         "str r0, [sp]\n\t"                                                    \
                         "str r1, [sp, #8]\n\t"                                                \
                         "str r3, [sp, #16]\n\t"                                               \
                         "b.w 1b\n"                                                            \
                         "4:\n\t"                                                              \
                         "add sp, #28\n\t"                                                     \
                         "pop {r4-r11, lr}\n\t"                                                \
                         :                                                                     \
                         : "r"(line)                                                           \
                         : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");               \
    }

/* Both products of the element in lr with the weights `w`, for output 0, 1, 2 or 3. */
#define TML_DSP_DW_MAC_S16(w, a, b)                                                            \
    "smlabb " a ", lr, " w ", " a "\n\tsmlatt " b ", lr, " w ", " b "\n\t"
#define TML_DSP_DW_0(w) TML_DSP_DW_MAC_S16(w, "r2", "r3")
#define TML_DSP_DW_1(w) TML_DSP_DW_MAC_S16(w, "r4", "r5")
#define TML_DSP_DW_2(w) TML_DSP_DW_MAC_S16(w, "r6", "r7")
#define TML_DSP_DW_3(w) TML_DSP_DW_MAC_S16(w, "r8", "r9")
#define TML_DSP_DW_X(bytes) "ldr lr, [r0, #" #bytes "]\n\t"

#define TML_DSP_DW_STRIDE_1                                                                    \
    "ldm r1!, {r10, r11, r12}\n\t" TML_DSP_DW_X(0) TML_DSP_DW_0("r10")                         \
    TML_DSP_DW_X(4) TML_DSP_DW_0("r11") TML_DSP_DW_1("r10")                                    \
    TML_DSP_DW_X(8) TML_DSP_DW_0("r12") TML_DSP_DW_1("r11") TML_DSP_DW_2("r10")                \
    TML_DSP_DW_X(12) TML_DSP_DW_1("r12") TML_DSP_DW_2("r11") TML_DSP_DW_3("r10")               \
    TML_DSP_DW_X(16) TML_DSP_DW_2("r12") TML_DSP_DW_3("r11")                                   \
    TML_DSP_DW_X(20) TML_DSP_DW_3("r12")

#define TML_DSP_DW_STRIDE_2                                                                    \
    "ldm r1!, {r10, r11, r12}\n\t" TML_DSP_DW_X(0) TML_DSP_DW_0("r10")                         \
    TML_DSP_DW_X(4) TML_DSP_DW_0("r11") TML_DSP_DW_X(8) TML_DSP_DW_0("r12") TML_DSP_DW_1("r10") \
    TML_DSP_DW_X(12) TML_DSP_DW_1("r11") TML_DSP_DW_X(16) TML_DSP_DW_1("r12") TML_DSP_DW_2("r10") \
    TML_DSP_DW_X(20) TML_DSP_DW_2("r11") TML_DSP_DW_X(24) TML_DSP_DW_2("r12") TML_DSP_DW_3("r10") \
    TML_DSP_DW_X(28) TML_DSP_DW_3("r11") TML_DSP_DW_X(32) TML_DSP_DW_3("r12")

/* r11 and r12 are once and three times in_step. */
#define TML_DSP_DW_PREPARE "ldr r11, [sp, #12]\n\tadd r12, r11, r11, lsl #1\n\t"
#define TML_DSP_DW_SINGLE                                                                      \
    "ldr r10, [r1], #4\n\t"                                                                    \
    "ldr lr, [r0]\n\t" TML_DSP_DW_0("r10") "ldr lr, [r0, r11]\n\t" TML_DSP_DW_1("r10")         \
    "ldr lr, [r0, r11, lsl #1]\n\t" TML_DSP_DW_2("r10") "ldr lr, [r0, r12]\n\t" TML_DSP_DW_3("r10")

#define TML_DSP_DW_ONE_S16(rescale, cut, p) rescale(p) cut(p)
/* `even` and `odd` rescale the sums of channel 0 and 1; `next` loads the constants of channel 1. */
#define TML_DSP_DW_END_S16(first, next, even, odd, cut)                                        \
    first TML_DSP_DW_ONE_S16(even, cut, "r2") TML_DSP_DW_ONE_S16(even, cut, "r4")              \
    TML_DSP_DW_ONE_S16(even, cut, "r6") TML_DSP_DW_ONE_S16(even, cut, "r8")                    \
    next TML_DSP_DW_ONE_S16(odd, cut, "r3") TML_DSP_DW_ONE_S16(odd, cut, "r5")                 \
    TML_DSP_DW_ONE_S16(odd, cut, "r7") TML_DSP_DW_ONE_S16(odd, cut, "r9")

#define TML_DSP_DW_EVEN(p) "smmulr " p ", " p ", r10\n\t"
#define TML_DSP_DW_ODD(p) "smmulr " p ", " p ", r11\n\t"
#define TML_DSP_DW_SHIFTED(p) "smmla " p ", " p ", r10, r11\n\tasr " p ", " p ", r12\n\t"
#define TML_DSP_DW_THREE "ldm r1!, {r10, r11, r12}\n\t"

/* The blocks of one way to go through taps and one cut. */
#define TML_DSP_DEPTHWISES_S16(taps, prepare, unroll, step, name, cut)                         \
    TML_DSP_DEPTHWISE_S16(tml_dsp_depthwise_s16_##taps##_once##name, prepare, unroll, step,    \
                          TML_DSP_DW_END_S16("ldrd r10, r11, [r1]\n\t", "", TML_DSP_DW_EVEN,   \
                                             TML_DSP_DW_ODD, cut))                             \
    TML_DSP_DEPTHWISE_S16(tml_dsp_depthwise_s16_##taps##_shifted##name, prepare, unroll, step, \
                          TML_DSP_DW_END_S16(TML_DSP_DW_THREE, TML_DSP_DW_THREE,               \
                                             TML_DSP_DW_SHIFTED, TML_DSP_DW_SHIFTED, cut))
#define TML_DSP_DEPTHWISE_TAPS_S16(taps, prepare, unroll, step)                                \
    TML_DSP_DEPTHWISES_S16(taps, prepare, unroll, step, , TML_DSP_SSAT_S16)                    \
    TML_DSP_DEPTHWISES_S16(taps, prepare, unroll, step, _relu, TML_DSP_USAT_S16)

TML_DSP_DEPTHWISE_TAPS_S16(single, TML_DSP_DW_PREPARE, 1, TML_DSP_DW_SINGLE)
TML_DSP_DEPTHWISE_TAPS_S16(three_1, "", 1, TML_DSP_DW_STRIDE_1)
TML_DSP_DEPTHWISE_TAPS_S16(three_2, "", 1, TML_DSP_DW_STRIDE_2)
TML_DSP_DEPTHWISE_TAPS_S16(nine_1, "", 3, TML_DSP_DW_STRIDE_1)
TML_DSP_DEPTHWISE_TAPS_S16(nine_2, "", 3, TML_DSP_DW_STRIDE_2)

#endif
