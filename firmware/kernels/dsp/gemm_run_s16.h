/* All filters over three pixels of int16 values: the parts around a run of gemm_block_s16.h.
 *
 * Whole pairs of filters, and all filters with long sums, go straight to the output. An odd last filter
 * is computed as a pair with weights of 0 into a spare place and its outputs are copied.
 *
 * Cost per three pixels besides the block: 35 instructions, 30 for an odd last filter; where the
 * activation cuts elsewhere than at 0 or the limits of the type, 5 per output.
 */
#ifndef TML_DSP_GEMM_RUN_S16_H
#define TML_DSP_GEMM_RUN_S16_H

#include "gemm_block_s16.h"
#include "tml_fixedpoint.h"

/* How sums become outputs. */
enum {
    TML_DSP_ONCE_S16_FORM = 0,
    TML_DSP_SHIFTED_S16_FORM = 1,
    TML_DSP_TWICE_S16_FORM = 2,
    TML_DSP_LONG_S16_FORM = 3
};

typedef struct {
    int32_t form;
    bool is_wide;
    bool is_relu;    /* outputs are cut at 0 by the block */
    bool is_clamped; /* and then to `clamp` */
    int32_t out_channels;
    uint32_t loops;      /* of tml_dsp_block; in rows of inputs: words of a row, filled up */
    uint32_t entry;
    int32_t group_words; /* of the stream for two filters, one with long sums (in row_block_s16.h twice that) */
    tml_clamp clamp;
} tml_dsp_gemm_s16_params;

/* The block of a form; only those that some layer uses become code. */
TML_KERNEL tml_dsp_gemm tml_dsp_gemm_s16_of(const tml_dsp_gemm_s16_params *params)
{
    const bool relu = params->is_relu;
    if (params->form == TML_DSP_LONG_S16_FORM) {
        return relu ? tml_dsp_gemm_s16_long_relu : tml_dsp_gemm_s16_long;
    }
    if (params->is_wide) {
        switch (params->form) {
        case TML_DSP_SHIFTED_S16_FORM:
            return relu ? tml_dsp_gemm_s16_wide_shifted_relu : tml_dsp_gemm_s16_wide_shifted;
        case TML_DSP_TWICE_S16_FORM:
            return relu ? tml_dsp_gemm_s16_wide_twice_relu : tml_dsp_gemm_s16_wide_twice;
        default:
            return relu ? tml_dsp_gemm_s16_wide_once_relu : tml_dsp_gemm_s16_wide_once;
        }
    }
    switch (params->form) {
    case TML_DSP_SHIFTED_S16_FORM:
        return relu ? tml_dsp_gemm_s16_shifted_relu : tml_dsp_gemm_s16_shifted;
    case TML_DSP_TWICE_S16_FORM:
        return relu ? tml_dsp_gemm_s16_twice_relu : tml_dsp_gemm_s16_twice;
    default:
        return relu ? tml_dsp_gemm_s16_once_relu : tml_dsp_gemm_s16_once;
    }
}

/* Cuts `count` outputs to the bounds of an activation. */
TML_DSP_SHARED void tml_dsp_clamp_s16(int16_t *output, int32_t count, tml_clamp clamp)
{
    TML_ROLLED
    for (int32_t i = 0; i < count; ++i) {
        output[i] = (int16_t)tml_clamp_to(output[i], clamp.min, clamp.max);
    }
}

/* The block for all filters that come in whole groups over three pixels, where outputs go in place. */
TML_KERNEL void tml_dsp_gemm_prepare_s16(const tml_dsp_gemm_s16_params *params, const int32_t *inputs,
                                         const int32_t *weights, tml_dsp_block *block)
{
    const bool is_long = params->form == TML_DSP_LONG_S16_FORM;
    const int32_t groups = is_long ? params->out_channels : params->out_channels >> 1;
    block->second = 2 * params->out_channels;
    block->third = 4 * params->out_channels;
    block->inputs = inputs;
    block->loops = params->loops;
    block->entry = params->entry;
    block->weights = weights;
    block->end = weights + params->group_words * groups;
}

/* Runs a prepared block into `output`, for `left` pixels (3 or more: all that were gathered). */
TML_KERNEL void tml_dsp_gemm_run_s16(const tml_dsp_gemm_s16_params *params, tml_dsp_block *block,
                                     int16_t *output, int32_t left, tml_dsp_gemm gemm)
{
    const int32_t channels = params->out_channels;
    block->output = output;
    if (left < 3) {
        block->second = left > 1 ? 2 * channels : 0;
        block->third = block->second;
    }
    if (block->weights != block->end) {
        gemm(block);
    }
    if ((channels & 1) != 0 && params->form != TML_DSP_LONG_S16_FORM) {
        int32_t spare[3]; /* one of two outputs of each pixel is wanted */
        tml_dsp_block last = *block;
        last.output = spare;
        last.second = block->second > 0 ? 4 : 0;
        last.third = block->third > block->second ? 8 : last.second;
        last.weights = block->end;
        last.end = block->end + params->group_words;
        gemm(&last);
        const int16_t *from = (const int16_t *)spare;
        int16_t *to = output + channels - 1;
        to[0] = from[0];
        to[block->second >> 1] = from[last.second >> 1];
        to[block->third >> 1] = from[last.third >> 1];
    }
    if (params->is_clamped) {
        tml_dsp_clamp_s16(output, (left < 3 ? left : 3) * channels, params->clamp);
    }
}

#endif
