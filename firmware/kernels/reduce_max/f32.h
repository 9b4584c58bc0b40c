/* REDUCE_MAX and REDUCE_MIN of floats; params.h says what it computes. */
#ifndef TML_REDUCE_MAX_F32_H
#define TML_REDUCE_MAX_F32_H

#include "kernels/reduce_max/params.h"
#include "kernels/types/f32.h"

typedef tml_reduce_max_params tml_reduce_max_params_f32;

TML_KERNEL void tml_reduce_max_f32(const tml_reduce_max_params *params, const float *input,
                                   float *output);
TML_KERNEL void tml_reduce_min_f32(const tml_reduce_max_params *params, const float *input,
                                   float *output);

#define TML_OP reduce_max
#define TML_TYPE f32
#include "kernels/reduce_max/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
