/* TRANSPOSE_CONV of floats: params.h says what it computes, without offsets and rescaling. */
#ifndef TML_TRANSPOSE_CONV_F32_H
#define TML_TRANSPOSE_CONV_F32_H

#include "kernels/transpose_conv/params.h"
#include "kernels/types/f32.h"

typedef struct {
    int32_t batches;
    tml_spread height;
    tml_spread width;
    int32_t in_channels;
    int32_t out_channels;
    tml_clamp_f32 clamp;
} tml_transpose_conv_params_f32;

TML_KERNEL void tml_transpose_conv_f32(const tml_transpose_conv_params_f32 *params,
                                       const float *input, const float *weights, const float *bias,
                                       float *output);

#define TML_OP transpose_conv
#define TML_TYPE f32
#include "kernels/types/biased.h"
#include "kernels/transpose_conv/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
