/* CONV_2D of int16 values and int8 weights, summed in 64 bits; params.h says what it computes. */
#ifndef TML_CONV_2D_S16_H
#define TML_CONV_2D_S16_H

#include "kernels/conv_2d/params.h"
#include "kernels/types/s16.h"

typedef tml_conv_2d_params tml_conv_2d_params_s16;

TML_KERNEL void tml_conv_2d_s16(const tml_conv_2d_params *params, const int16_t *input,
                                const int8_t *weights, const int64_t *bias,
                                const int32_t *multiplier, const int8_t *shift, int16_t *output);

#define TML_OP conv_2d
#define TML_TYPE s16
#include "kernels/types/rescaled.h"
#include "kernels/conv_2d/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
