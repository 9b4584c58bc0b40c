/* All filters over three widened pixels: the parts around a run of gemm_block.h.
 *
 * Whole pairs of filters go straight to the output. An odd last filter is computed as a pair with
 * weights of 0 into a spare place and its bytes are copied. Forms that leave 32-bit sums have them
 * rescaled here by the plain rounding rule, which is right for every factor and clamp.
 *
 * Cost per three pixels besides the block: 35 instructions, 30 for an odd last filter; 140 per filter
 * where sums are left.
 */
#ifndef TML_DSP_GEMM_RUN_H
#define TML_DSP_GEMM_RUN_H

#include "gemm_block.h"
#include "tml_fixedpoint.h"

/* How 32-bit sums become outputs, and how wide the weights are. */
enum {
    TML_DSP_LINEAR_FORM = 0,
    TML_DSP_ROUNDING_FORM = 1,
    TML_DSP_SUMS_FORM = 2,
    TML_DSP_WIDE_ROUNDING_FORM = 3,
    TML_DSP_WIDE_SUMS_FORM = 4,
    TML_DSP_DIRECT_FORM = 5
};

typedef struct {
    int32_t form;
    int32_t shift; /* of the linear form */
    int32_t out_channels;
    uint32_t loops; /* of tml_dsp_block */
    uint32_t entry;
    int32_t group_words;   /* of the stream for two (in row_block.h four) filters */
    int32_t sums;          /* words from the widened inputs to the 32-bit sums; 0 without */
    int32_t output_offset; /* of the sums forms, as is the clamp */
    tml_clamp clamp;
} tml_dsp_gemm_params;

/* The block of a form; only those that some layer uses become code. */
TML_KERNEL tml_dsp_gemm tml_dsp_gemm_of(int32_t form, int32_t shift)
{
    switch (form) {
    case TML_DSP_DIRECT_FORM:
        return tml_dsp_gemm_direct;
    case TML_DSP_ROUNDING_FORM:
        return tml_dsp_gemm_rounding;
    case TML_DSP_SUMS_FORM:
        return tml_dsp_gemm_sums;
    case TML_DSP_WIDE_ROUNDING_FORM:
        return tml_dsp_gemm_wide_rounding;
    case TML_DSP_WIDE_SUMS_FORM:
        return tml_dsp_gemm_wide_sums;
    default:
        break;
    }
    switch (shift) {
    case 8:
        return tml_dsp_gemm_linear_8;
    case 9:
        return tml_dsp_gemm_linear_9;
    case 10:
        return tml_dsp_gemm_linear_10;
    case 12:
        return tml_dsp_gemm_linear_12;
    case 13:
        return tml_dsp_gemm_linear_13;
    default:
        return tml_dsp_gemm_linear_11;
    }
}

/* Rescales the sums of `count` pixels. Their constants end the stream of each group of filters. */
TML_DSP_SHARED void tml_dsp_rescale_sums(const tml_dsp_gemm_params *params, const int32_t *sums,
                                         const int32_t *weights, int8_t *output, int32_t count,
                                         int32_t group)
{
    const int32_t channels = params->out_channels;
    const int32_t padded = (channels + group - 1) & ~(group - 1);
    TML_ROLLED
    for (int32_t c = 0; c < channels; ++c) {
        const int32_t within = c & (group - 1);
        const int32_t *rescale = weights + params->group_words - 2 * (group - within);
        TML_ROLLED
        for (int32_t pixel = 0; pixel < count; ++pixel) {
            const int32_t scaled = tml_requantise(sums[pixel * padded + c], rescale[0], rescale[1]);
            output[pixel * channels + c] = (int8_t)tml_clamp_to(
                scaled + params->output_offset, params->clamp.min, params->clamp.max);
        }
        if (within == group - 1) {
            weights += params->group_words;
        }
    }
}

typedef void (*tml_dsp_rescale)(const tml_dsp_gemm_params *params, const int32_t *sums,
                                const int32_t *weights, int8_t *output, int32_t count,
                                int32_t group);

/* What a form needs after its block: nothing, or the rescaling of sums. */
TML_KERNEL tml_dsp_rescale tml_dsp_rescale_of(const tml_dsp_gemm_params *params)
{
    return params->sums > 0 ? tml_dsp_rescale_sums : NULL;
}

/* The block for all whole pairs of filters over three pixels, where outputs go in place, those of
 * the pixels side by side; `second` and `third` may be moved apart afterwards. */
TML_KERNEL void tml_dsp_gemm_prepare(const tml_dsp_gemm_params *params, const int32_t *widened,
                                     const int32_t *weights, tml_dsp_block *block)
{
    block->second = params->out_channels;
    block->third = 2 * params->out_channels;
    block->inputs = widened;
    block->loops = params->loops;
    block->entry = params->entry;
    block->weights = weights;
    block->end = weights + params->group_words * (params->out_channels >> 1);
}

/* Runs a prepared block into `output`, for `left` pixels (3 or more: all that are widened). */
TML_KERNEL void tml_dsp_gemm_run(const tml_dsp_gemm_params *params, tml_dsp_block *block,
                                 int8_t *output, int32_t left, tml_dsp_gemm gemm,
                                 tml_dsp_rescale rescale)
{
    const int32_t channels = params->out_channels;
    if (rescale != NULL) {
        const int32_t padded = (channels + 1) & ~1;
        int32_t *sums = (int32_t *)(uintptr_t)block->inputs + params->sums;
        block->output = sums;
        block->second = 4 * padded;
        block->third = 8 * padded;
        block->end = block->weights + params->group_words * (padded >> 1);
        gemm(block);
        rescale(params, sums, block->weights, output, left < 3 ? left : 3, 2);
        return;
    }
    block->output = output;
    if (left < 3) {
        block->second = left > 1 ? block->second : 0;
        block->third = block->second;
    }
    if (channels > 1) {
        gemm(block);
    }
    if ((channels & 1) != 0) {
        int32_t spare[2];
        tml_dsp_block last = *block;
        last.output = spare;
        last.second = block->second > 0 ? 2 : 0;
        last.third = block->third > block->second ? 4 : last.second;
        last.weights = block->end;
        last.end = block->end + params->group_words;
        gemm(&last);
        const int8_t *from = (const int8_t *)spare;
        output += channels - 1;
        output[0] = from[0];
        output[block->second] = from[last.second];
        output[block->third] = from[last.third];
    }
}

#endif
