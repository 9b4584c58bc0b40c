/* BROADCAST_ARGS of int64 sizes; params.h says what it computes. */
#ifndef TML_BROADCAST_ARGS_S64_H
#define TML_BROADCAST_ARGS_S64_H

#include "kernels/broadcast_args/params.h"
#include "kernels/types/plain.h"

typedef tml_broadcast_args_params tml_broadcast_args_params_s64;

TML_KERNEL void tml_broadcast_args_s64(const tml_broadcast_args_params *params,
                                       const int64_t *input1, const int64_t *input2,
                                       int64_t *output);

#define TML_OP broadcast_args
#define TML_TYPE s64
#include "kernels/broadcast_args/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
