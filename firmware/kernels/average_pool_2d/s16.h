/* AVERAGE_POOL_2D of int16 values; params.h says what it computes. */
#ifndef TML_AVERAGE_POOL_2D_S16_H
#define TML_AVERAGE_POOL_2D_S16_H

#include "kernels/average_pool_2d/params.h"
#include "kernels/types/s16.h"

typedef tml_average_pool_2d_params tml_average_pool_2d_params_s16;

TML_KERNEL void tml_average_pool_2d_s16(const tml_average_pool_2d_params *params,
                                        const int16_t *input, int16_t *output);

#define TML_OP average_pool_2d
#define TML_TYPE s16
#include "kernels/average_pool_2d/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
