/* CONV_2D of int8 values whose sums may leave 32 bits, where they wrap; params.h says what it computes. */
#ifndef TML_CONV_2D_S8_WRAP_H
#define TML_CONV_2D_S8_WRAP_H

#include "kernels/conv_2d/params.h"
#include "kernels/types/s8_wrap.h"

typedef tml_conv_2d_params tml_conv_2d_params_s8_wrap;

TML_KERNEL void tml_conv_2d_s8_wrap(const tml_conv_2d_params *params, const int8_t *input,
                                    const int8_t *weights, const int32_t *bias,
                                    const int32_t *multiplier, const int8_t *shift, int8_t *output);

#define TML_OP conv_2d
#define TML_TYPE s8_wrap
#include "kernels/types/rescaled.h"
#include "kernels/conv_2d/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
