/* MEAN of int8 values; params.h says what it computes. */
#ifndef TML_MEAN_S8_H
#define TML_MEAN_S8_H

#include "kernels/mean/params.h"
#include "kernels/types/s8.h"

typedef tml_mean_params tml_mean_params_s8;

TML_KERNEL void tml_mean_s8(const tml_mean_params *params, const int8_t *input, int8_t *output);

#define TML_OP mean
#define TML_TYPE s8
#include "kernels/mean/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
