/* REDUCE_MAX and REDUCE_MIN of int8 values; params.h says what it computes. */
#ifndef TML_REDUCE_MAX_S8_H
#define TML_REDUCE_MAX_S8_H

#include "kernels/reduce_max/params.h"
#include "kernels/types/s8.h"

typedef tml_reduce_max_params tml_reduce_max_params_s8;

TML_KERNEL void tml_reduce_max_s8(const tml_reduce_max_params *params, const int8_t *input,
                                  int8_t *output);
TML_KERNEL void tml_reduce_min_s8(const tml_reduce_max_params *params, const int8_t *input,
                                  int8_t *output);

#define TML_OP reduce_max
#define TML_TYPE s8
#include "kernels/reduce_max/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
