/* CONV_2D of int16 values and int8 weights, with biases and sums of 32 bits; params.h says what it computes. */
#ifndef TML_CONV_2D_S16_B32_H
#define TML_CONV_2D_S16_B32_H

#include "kernels/conv_2d/params.h"
#include "kernels/types/s16_b32.h"

typedef tml_conv_2d_params tml_conv_2d_params_s16_b32;

TML_KERNEL void tml_conv_2d_s16_b32(const tml_conv_2d_params *params, const int16_t *input,
                                    const int8_t *weights, const int32_t *bias,
                                    const int32_t *multiplier, const int8_t *shift,
                                    int16_t *output);

#define TML_OP conv_2d
#define TML_TYPE s16_b32
#include "kernels/types/rescaled.h"
#include "kernels/conv_2d/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
