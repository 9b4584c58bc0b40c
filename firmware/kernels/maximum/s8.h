/* MAXIMUM and MINIMUM of int8 values; params.h says what they compute. */
#ifndef TML_MAXIMUM_S8_H
#define TML_MAXIMUM_S8_H

#include "kernels/maximum/params.h"
#include "kernels/types/s8.h"

typedef tml_maximum_params tml_maximum_params_s8;

TML_KERNEL void tml_maximum_s8(const tml_maximum_params *params, const int8_t *input1,
                               const int8_t *input2, int8_t *output);
TML_KERNEL void tml_minimum_s8(const tml_maximum_params *params, const int8_t *input1,
                               const int8_t *input2, int8_t *output);

#define TML_OP maximum
#define TML_TYPE s8
#include "kernels/maximum/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
