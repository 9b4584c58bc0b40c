/* ADD and SUB of equally many int16 elements with zero points of 0, for Armv7E-M.
 *
 *   half   = x * 2^14                            the operand of the larger scale, whose factor is 1/2
 *   scaled = requantise(y * 2^15, multiplier, -shift)
 *   output = cut(requantise(half +- scaled, out_multiplier, -out_shift))
 *
 * which is what kernels/add/params.h says, operand by operand: y * 2^16 is twice what is rescaled, so that
 * SMMLAR makes the doubling high product of it, the half of the rounding shift besides (C = 2^(shift - 1),
 * less one for negative values, as in tml_requantise_right). Two elements are loaded at a time:
 *
 *   word of y   | y1 | y0 |      y0 * 2^16 is the word LSL #16, y1 * 2^16 the word without its lower half
 *
 * |half +- scaled| <= 2^30, and 2^30 itself is negative, so that twice the sum fits. `cut` is SSAT #16, or
 * USAT #15 after a ReLU.
 * The output may be one of the inputs, in place. Inputs and output need the alignment of int16_t only.
 * Instructions: 13 per element and 2 per pair (11 where both factors are 1/2).
 */
#ifndef TML_DSP_ADD_S16_H
#define TML_DSP_ADD_S16_H

#include "gemm_run_s16.h"

/* How half and scaled are brought together; with equal scales, `scaled` is a half too. */
enum {
    TML_DSP_SCALED_PLUS_HALF = 0,
    TML_DSP_SCALED_LESS_HALF = 1,
    TML_DSP_HALF_LESS_SCALED = 2,
    TML_DSP_HALF_PLUS_HALF = 3,
    TML_DSP_HALF_LESS_HALF = 4
};

typedef struct {
    int32_t count;
    int32_t mode;
    bool is_first_scaled; /* the first input is the scaled one */
    bool is_relu;
    bool is_clamped;      /* to `clamp`, after that */
    int32_t multiplier;
    int32_t shift;        /* to the right, 1 or more; of equal scales any */
    int32_t out_multiplier;
    int32_t out_shift;    /* to the right, 1 to 30 */
    tml_clamp clamp;
} tml_dsp_add_s16_params;

/* One run of a block, over pairs of elements. */
typedef struct {
    const int16_t *half;
    const int16_t *scaled;
    int16_t *output;
    int16_t *end;
    int32_t multiplier;
    int32_t offset;
    int32_t shift;
    int32_t out_multiplier;
    int32_t out_offset;
    int32_t out_shift;
} tml_dsp_add_block_s16;

/* The output of y and x, which are times 2^16 in registers; `prepare` makes x, after lr was used. */
#define TML_DSP_ADD_ONE_S16(scale, join, cut, y, prepare, x)                                   \
    scale(y) prepare join " " y ", " y ", " x ", asr #2\n\t"                                   \
    "add lr, r8, " y ", asr #31\n\tlsl " y ", #1\n\t"                                          \
    "smmlar " y ", " y ", r7, lr\n\tasr " y ", " y ", r9\n\t" cut(y)                           \
    "strh " y ", [r2], #2\n\t"

#define TML_DSP_ADD_SCALED_S16(y)                                                              \
    "add lr, r5, " y ", asr #31\n\tsmmlar " y ", " y ", r4, lr\n\tasr " y ", " y ", r6\n\t"
#define TML_DSP_ADD_HALF_S16(y) "asr " y ", " y ", #2\n\t"

#define TML_DSP_ADD_BLOCK_S16(name, scale, join, cut)                                          \
    TML_DSP_SHARED void name(const tml_dsp_add_block_s16 *block)                               \
    {                                                                                          \
        __asm__ volatile("mov r0, %0\n\t"                                                      \
                         "push {r4-r11, lr}\n\t"                                               \
                         "ldm r0, {r0-r9}\n"                                                   \
                         "1:\n\t"                                                              \
                         "ldr r11, [r1], #4\n\t"                                               \
                         "ldr r10, [r0], #4\n\t"                                               \
                         "lsl r12, r11, #16\n\t"                                               \
                         TML_DSP_ADD_ONE_S16(scale, join, cut, "r12", "lsl lr, r10, #16\n\t", "lr") \
                         "bfc r11, #0, #16\n\t"                                                \
                         TML_DSP_ADD_ONE_S16(scale, join, cut, "r11", "bfc r10, #0, #16\n\t", "r10") \
                         "cmp r2, r3\n\t"                                                      \
                         "bne 1b\n\t"                                                          \
                         "pop {r4-r11, lr}\n\t"                                                \
                         :                                                                     \
                         : "r"(block)                                                          \
                         : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");               \
    }

#define TML_DSP_ADD_BLOCKS_S16(name, scale, join)                                              \
    TML_DSP_ADD_BLOCK_S16(tml_dsp_add_s16_##name, scale, join, TML_DSP_SSAT_S16)               \
    TML_DSP_ADD_BLOCK_S16(tml_dsp_add_s16_##name##_relu, scale, join, TML_DSP_USAT_S16)

TML_DSP_ADD_BLOCKS_S16(plus_half, TML_DSP_ADD_SCALED_S16, "add")
TML_DSP_ADD_BLOCKS_S16(less_half, TML_DSP_ADD_SCALED_S16, "sub")
TML_DSP_ADD_BLOCKS_S16(from_half, TML_DSP_ADD_SCALED_S16, "rsb")
TML_DSP_ADD_BLOCKS_S16(both_halves, TML_DSP_ADD_HALF_S16, "add")
TML_DSP_ADD_BLOCKS_S16(half_from_half, TML_DSP_ADD_HALF_S16, "rsb")

typedef void (*tml_dsp_add_run_s16)(const tml_dsp_add_block_s16 *block);

/* The block of a mode; only those that some layer uses become code. */
TML_KERNEL tml_dsp_add_run_s16 tml_dsp_add_of_s16(int32_t mode, bool relu)
{
    switch (mode) {
    case TML_DSP_SCALED_PLUS_HALF:
        return relu ? tml_dsp_add_s16_plus_half_relu : tml_dsp_add_s16_plus_half;
    case TML_DSP_SCALED_LESS_HALF:
        return relu ? tml_dsp_add_s16_less_half_relu : tml_dsp_add_s16_less_half;
    case TML_DSP_HALF_LESS_SCALED:
        return relu ? tml_dsp_add_s16_from_half_relu : tml_dsp_add_s16_from_half;
    case TML_DSP_HALF_PLUS_HALF:
        return relu ? tml_dsp_add_s16_both_halves_relu : tml_dsp_add_s16_both_halves;
    default:
        return relu ? tml_dsp_add_s16_half_from_half_relu : tml_dsp_add_s16_half_from_half;
    }
}

/* An element, of an odd number. */
TML_KERNEL int16_t tml_dsp_add_last_s16(const tml_dsp_add_s16_params *params, int32_t half,
                                        int32_t scaled)
{
    const int32_t x = half * (1 << 14);
    const int32_t y = params->mode >= TML_DSP_HALF_PLUS_HALF
        ? scaled * (1 << 14)
        : tml_requantise(scaled * (1 << 15), params->multiplier, -params->shift);
    const bool adds = params->mode == TML_DSP_SCALED_PLUS_HALF || params->mode == TML_DSP_HALF_PLUS_HALF;
    const int32_t sum = adds ? y + x : params->mode == TML_DSP_SCALED_LESS_HALF ? y - x : x - y;
    const int32_t made = tml_requantise(sum, params->out_multiplier, -params->out_shift);
    return (int16_t)tml_clamp_to(made, params->clamp.min, params->clamp.max);
}

/* See the top of the file. */
TML_KERNEL void tml_dsp_add_s16(const tml_dsp_add_s16_params *params, const int16_t *input1,
                                const int16_t *input2, int16_t *output)
{
    const int32_t last = params->count - 1;
    const int16_t *half = params->is_first_scaled ? input2 : input1;
    const int16_t *scaled = params->is_first_scaled ? input1 : input2;
    int16_t made = 0;
    if ((params->count & 1) != 0) {
        made = tml_dsp_add_last_s16(params, half[last], scaled[last]);
    }
    if (params->count > 1) {
        const tml_dsp_add_block_s16 block = {
            half,
            scaled,
            output,
            output + (params->count & ~1),
            params->multiplier,
            INT32_C(1) << (params->shift - 1),
            params->shift,
            params->out_multiplier,
            INT32_C(1) << (params->out_shift - 1),
            params->out_shift,
        };
        tml_dsp_add_of_s16(params->mode, params->is_relu)(&block);
        if (params->is_clamped) {
            tml_dsp_clamp_s16(output, params->count & ~1, params->clamp);
        }
    }
    if ((params->count & 1) != 0) {
        output[last] = made;
    }
}

#endif
