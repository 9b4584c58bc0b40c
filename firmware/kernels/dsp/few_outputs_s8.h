/* FULLY_CONNECTED of few outputs, int8; also a convolution with one output pixel.
 *
 *   output[row][i] = requantise(bias[i] + sum over k of input[row][k] * weight[i][k])
 *
 *                A        B       Step of 16 inputs, 32 products, 29 instructions: LDM of 4 input
 *   row x     |  a = r2   b = r3  words, 4 LDM of 4 weight words, 8 SXTB16, 16 SMLAD. One output: 19.
 *
 * Inputs are widened where they are used and weights have 16 bits, so that nothing is prepared for
 * outputs that are not there: up to some seven of them this takes less than row_block.h, which
 * computes four at a time over a widened row. No scratch.
 *
 * The stream holds for each two outputs, and for an odd last one alone
 *   biases, zero point folded in
 *   per word of inputs the weights of its bytes (0,2) for A, for B, then of (1,3); per byte that is
 *   left over a word for A, for B
 *   multiplier and shift of A, of B
 * Layouts: input [rows][in_features], every row word-aligned, as LDM wants it; output
 * [rows][outputs]. Outputs of a row are written while others still need its inputs.
 * Cost per row: for two outputs 68 instructions, 31 per 16 inputs, 10 per word and 9 per byte that
 * are left over; for one 48, 21, 7 and 6; 15 more per output that may be shifted to the left.
 */
#ifndef TML_DSP_FEW_OUTPUTS_S8_H
#define TML_DSP_FEW_OUTPUTS_S8_H

#include "gemm_block.h"
#include "tml_fixedpoint.h"

typedef struct {
    int32_t rows;
    int32_t in_features;
    int32_t out_features;
    bool shifts_right; /* tml_requantise_right is valid for all outputs */
    int32_t output_offset;
    tml_clamp clamp;
} tml_dsp_few_outputs_params;

/* Sums over the whole words of a row, and where they have come to. */
typedef struct {
    const int8_t *input;
    const int32_t *weights;
    int32_t sums[2];
    const int8_t *end;       /* of the steps of 16 inputs */
    const int8_t *words_end; /* of the words */
} tml_dsp_dot;

typedef void (*tml_dsp_dots)(tml_dsp_dot *dot);

#define TML_DSP_DOT(name, step, word)                                                          \
    TML_DSP_SHARED void name(tml_dsp_dot *dot)                                                 \
    {                                                                                          \
        __asm__ volatile("mov r0, %0\n\t"                                                      \
                         "push {r0, r4-r11, lr}\n\t"                                           \
                         "ldm r0, {r0, r1, r2, r3, lr}\n\t"                                    \
                         "cmp r0, lr\n\t"                                                      \
                         "beq 2f\n"                                                            \
                         "1:\n\t"                                                              \
                         "ldm r0!, {r4, r5, r6, r7}\n\t" step                                  \
                         "cmp r0, lr\n\t"                                                      \
                         "bne.w 1b\n"                                                          \
                         "2:\n\t"                                                              \
                         "ldr r12, [sp]\n\t"                                                   \
                         "ldr lr, [r12, #20]\n\t"                                              \
                         "cmp r0, lr\n\t"                                                      \
                         "beq 4f\n"                                                            \
                         "3:\n\t"                                                              \
                         "ldr r4, [r0], #4\n\t" word                                           \
                         "cmp r0, lr\n\t"                                                      \
                         "bne 3b\n"                                                            \
                         "4:\n\t"                                                              \
                         "pop {r12}\n\t"                                                       \
                         "stm r12, {r0, r1, r2, r3}\n\t"                                       \
                         "pop {r4-r11, lr}\n\t"                                                \
                         :                                                                     \
                         : "r"(dot)                                                            \
                         : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");               \
    }

#define TML_DSP_DOT_WIDEN(x) "sxtb16 r12, " x ", ror #8\n\tsxtb16 " x ", " x "\n\t"

/* One word of inputs for two outputs. */
#define TML_DSP_DOT_PAIR(x)                                                                    \
    "ldm r1!, {r8, r9, r10, r11}\n\t" TML_DSP_DOT_WIDEN(x)                                     \
    "smlad r2, " x ", r8, r2\n\tsmlad r3, " x ", r9, r3\n\t"                                   \
    "smlad r2, r12, r10, r2\n\tsmlad r3, r12, r11, r3\n\t"

/* One word of inputs for one output; on cores that issue two instructions, two sums wait less. */
#define TML_DSP_DOT_WORD(x, w0, w1)                                                            \
    TML_DSP_DOT_WIDEN(x) "smlad r2, " x ", " w0 ", r2\n\tsmlad r3, r12, " w1 ", r3\n\t"
#define TML_DSP_DOT_SINGLE(x, y)                                                               \
    "ldm r1!, {r8, r9, r10, r11}\n\t"                                                          \
    TML_DSP_DOT_WORD(x, "r8", "r9") TML_DSP_DOT_WORD(y, "r10", "r11")

TML_DSP_DOT(tml_dsp_dot_pair,
            TML_DSP_DOT_PAIR("r4") TML_DSP_DOT_PAIR("r5")
            TML_DSP_DOT_PAIR("r6") TML_DSP_DOT_PAIR("r7"),
            TML_DSP_DOT_PAIR("r4"))
TML_DSP_DOT(tml_dsp_dot_single,
            TML_DSP_DOT_SINGLE("r4", "r5") TML_DSP_DOT_SINGLE("r6", "r7"),
            "ldm r1!, {r8, r9}\n\t" TML_DSP_DOT_WORD("r4", "r8", "r9"))

/* `count` outputs, 1 or 2, of one row; returns where the stream goes on. */
TML_KERNEL const int32_t *tml_dsp_few_made(const tml_dsp_few_outputs_params *params,
                                           const int8_t *row, const int32_t *stream,
                                           int32_t count, int8_t *output)
{
    const int32_t features = params->in_features;
    tml_dsp_dot dot = {row, stream + count, {stream[0], count > 1 ? stream[1] : 0},
                       row + (features & ~15), row + (features & ~3)};
    if (features > 3) {
        (count > 1 ? tml_dsp_dot_pair : tml_dsp_dot_single)(&dot);
    }
    if (count == 1) {
        dot.sums[0] += dot.sums[1];
    }
    const int32_t *weights = dot.weights;
    TML_ROLLED
    for (int32_t i = features & ~3; i < features; ++i) {
        const int32_t x = row[i];
        dot.sums[0] += x * weights[0];
        if (count > 1) {
            dot.sums[1] += x * weights[1];
        }
        weights += count;
    }
    TML_UNROLLED
    for (int32_t i = 0; i < count; ++i) {
        const int32_t scaled = params->shifts_right
            ? tml_requantise_right(dot.sums[i], weights[0], weights[1])
            : tml_requantise(dot.sums[i], weights[0], weights[1]);
        output[i] = (int8_t)tml_clamp_to(scaled + params->output_offset, params->clamp.min,
                                         params->clamp.max);
        weights += 2;
    }
    return weights;
}

TML_KERNEL void tml_dsp_few_outputs_s8(const tml_dsp_few_outputs_params *params,
                                       const int8_t *input, const int32_t *weights, int8_t *output)
{
    TML_ROLLED
    for (int32_t row = params->rows; row > 0; --row) {
        const int32_t *stream = weights;
        TML_ROLLED
        for (int32_t pair = params->out_features >> 1; pair > 0; --pair) {
            stream = tml_dsp_few_made(params, input, stream, 2, output);
            output += 2;
        }
        if ((params->out_features & 1) != 0) {
            (void)tml_dsp_few_made(params, input, stream, 1, output);
            ++output;
        }
        input += params->in_features;
    }
}

#endif
