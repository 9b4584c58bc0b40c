/* BROADCAST_ARGS of int32 sizes; params.h says what it computes. */
#ifndef TML_BROADCAST_ARGS_S32_H
#define TML_BROADCAST_ARGS_S32_H

#include "kernels/broadcast_args/params.h"
#include "kernels/types/plain.h"

typedef tml_broadcast_args_params tml_broadcast_args_params_s32;

TML_KERNEL void tml_broadcast_args_s32(const tml_broadcast_args_params *params,
                                       const int32_t *input1, const int32_t *input2,
                                       int32_t *output);

#define TML_OP broadcast_args
#define TML_TYPE s32
#include "kernels/broadcast_args/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
