/* CONV_2D of floats: params.h says what it computes, without offsets and rescaling.
 *
 * It is DEPTHWISE_CONV_2D as well, with a group per channel, and FULLY_CONNECTED, on one pixel.
 */
#ifndef TML_CONV_2D_F32_H
#define TML_CONV_2D_F32_H

#include "kernels/conv_2d/params.h"
#include "kernels/types/f32.h"

typedef struct {
    int32_t batches;
    tml_window height;
    tml_window width;
    int32_t in_channels;
    int32_t out_channels;
    int32_t groups; /* divides both */
    tml_clamp_f32 clamp;
} tml_conv_2d_params_f32;

TML_KERNEL void tml_conv_2d_f32(const tml_conv_2d_params_f32 *params, const float *input,
                                const float *weights, const float *bias, float *output);

#define TML_OP conv_2d
#define TML_TYPE f32
#include "kernels/types/biased.h"
#include "kernels/conv_2d/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
