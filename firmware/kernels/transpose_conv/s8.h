/* TRANSPOSE_CONV of int8 values and weights; params.h says what it computes. */
#ifndef TML_TRANSPOSE_CONV_S8_H
#define TML_TRANSPOSE_CONV_S8_H

#include "kernels/transpose_conv/params.h"
#include "kernels/types/s8.h"

typedef tml_transpose_conv_params tml_transpose_conv_params_s8;

TML_KERNEL void tml_transpose_conv_s8(const tml_transpose_conv_params *params, const int8_t *input,
                                      const int8_t *weights, const int32_t *bias,
                                      const int32_t *multiplier, const int8_t *shift,
                                      int8_t *output);

#define TML_OP transpose_conv
#define TML_TYPE s8
#include "kernels/types/rescaled.h"
#include "kernels/transpose_conv/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
