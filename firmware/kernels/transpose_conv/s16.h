/* TRANSPOSE_CONV of int16 values and int8 weights, summed in 64 bits; params.h says what it computes. */
#ifndef TML_TRANSPOSE_CONV_S16_H
#define TML_TRANSPOSE_CONV_S16_H

#include "kernels/transpose_conv/params.h"
#include "kernels/types/s16.h"

typedef tml_transpose_conv_params tml_transpose_conv_params_s16;

TML_KERNEL void tml_transpose_conv_s16(const tml_transpose_conv_params *params,
                                       const int16_t *input, const int8_t *weights,
                                       const int64_t *bias, const int32_t *multiplier,
                                       const int8_t *shift, int16_t *output);

#define TML_OP transpose_conv
#define TML_TYPE s16
#include "kernels/types/rescaled.h"
#include "kernels/transpose_conv/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
