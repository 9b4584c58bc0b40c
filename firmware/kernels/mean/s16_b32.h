/* MEAN of int16 values, summed in 32 bits; params.h says what it computes. */
#ifndef TML_MEAN_S16_B32_H
#define TML_MEAN_S16_B32_H

#include "kernels/mean/params.h"
#include "kernels/types/s16_b32.h"

typedef tml_mean_params tml_mean_params_s16_b32;

TML_KERNEL void tml_mean_s16_b32(const tml_mean_params *params, const int16_t *input,
                                 int16_t *output);

#define TML_OP mean
#define TML_TYPE s16_b32
#include "kernels/mean/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
