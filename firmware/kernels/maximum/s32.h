/* MAXIMUM and MINIMUM of int32 values; params.h says what they compute. */
#ifndef TML_MAXIMUM_S32_H
#define TML_MAXIMUM_S32_H

#include "kernels/maximum/params.h"
#include "kernels/types/plain.h"

typedef tml_maximum_params tml_maximum_params_s32;

TML_KERNEL void tml_maximum_s32(const tml_maximum_params *params, const int32_t *input1,
                                const int32_t *input2, int32_t *output);
TML_KERNEL void tml_minimum_s32(const tml_maximum_params *params, const int32_t *input1,
                                const int32_t *input2, int32_t *output);

#define TML_OP maximum
#define TML_TYPE s32
#include "kernels/maximum/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
