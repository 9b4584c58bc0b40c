/* BATCH_MATMUL of int8 matrices; params.h says what it computes. */
#ifndef TML_BATCH_MATMUL_S8_H
#define TML_BATCH_MATMUL_S8_H

#include "kernels/batch_matmul/params.h"
#include "kernels/types/s8.h"

typedef tml_batch_matmul_params tml_batch_matmul_params_s8;

TML_KERNEL void tml_batch_matmul_s8(const tml_batch_matmul_params *params, const int8_t *left,
                                    const int8_t *right, int8_t *output);

#define TML_OP batch_matmul
#define TML_TYPE s8
#include "kernels/batch_matmul/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
