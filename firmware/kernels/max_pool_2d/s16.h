/* MAX_POOL_2D of int16 values; params.h says what it computes. */
#ifndef TML_MAX_POOL_2D_S16_H
#define TML_MAX_POOL_2D_S16_H

#include "kernels/max_pool_2d/params.h"
#include "kernels/types/s16.h"

typedef tml_max_pool_2d_params tml_max_pool_2d_params_s16;

TML_KERNEL void tml_max_pool_2d_s16(const tml_max_pool_2d_params *params, const int16_t *input,
                                    int16_t *output);

#define TML_OP max_pool_2d
#define TML_TYPE s16
#include "kernels/max_pool_2d/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
