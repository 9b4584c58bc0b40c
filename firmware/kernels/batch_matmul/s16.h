/* BATCH_MATMUL of int16 matrices; params.h says what it computes. */
#ifndef TML_BATCH_MATMUL_S16_H
#define TML_BATCH_MATMUL_S16_H

#include "kernels/batch_matmul/params.h"
#include "kernels/types/s16.h"

typedef tml_batch_matmul_params tml_batch_matmul_params_s16;

TML_KERNEL void tml_batch_matmul_s16(const tml_batch_matmul_params *params, const int16_t *left,
                                     const int16_t *right, int16_t *output);

#define TML_OP batch_matmul
#define TML_TYPE s16
#include "kernels/batch_matmul/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
