/* MAX_POOL_2D of int8 values; params.h says what it computes. */
#ifndef TML_MAX_POOL_2D_S8_H
#define TML_MAX_POOL_2D_S8_H

#include "kernels/max_pool_2d/params.h"
#include "kernels/types/s8.h"

typedef tml_max_pool_2d_params tml_max_pool_2d_params_s8;

TML_KERNEL void tml_max_pool_2d_s8(const tml_max_pool_2d_params *params, const int8_t *input,
                                   int8_t *output);

#define TML_OP max_pool_2d
#define TML_TYPE s8
#include "kernels/max_pool_2d/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
