/* CONV_2D of int16 values and int8 weights, whose sums fit 32 bits;
 * kernels/conv_2d/params.h says what it computes.
 */
#ifndef TML_PORTABLE_CONV_2D_S16_H
#define TML_PORTABLE_CONV_2D_S16_H

#include "kernels/conv_2d/params.h"
#include "kernels/types/s16_short.h"

typedef tml_conv_2d_params tml_conv_2d_params_s16_short;

TML_KERNEL void tml_conv_2d_s16_short(const tml_conv_2d_params *params, const int16_t *input,
                                      const int8_t *weights, const int32_t *bias, const int32_t *multiplier,
                                      const int8_t *shift, int16_t *output);

#define TML_OP conv_2d
#define TML_TYPE s16_short
#include "kernels/types/rescaled.h"
#include "kernels/conv_2d/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
