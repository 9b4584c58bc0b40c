/* MAXIMUM and MINIMUM of int16 values; params.h says what they compute. */
#ifndef TML_MAXIMUM_S16_H
#define TML_MAXIMUM_S16_H

#include "kernels/maximum/params.h"
#include "kernels/types/s16.h"

typedef tml_maximum_params tml_maximum_params_s16;

TML_KERNEL void tml_maximum_s16(const tml_maximum_params *params, const int16_t *input1,
                                const int16_t *input2, int16_t *output);
TML_KERNEL void tml_minimum_s16(const tml_maximum_params *params, const int16_t *input1,
                                const int16_t *input2, int16_t *output);

#define TML_OP maximum
#define TML_TYPE s16
#include "kernels/maximum/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
