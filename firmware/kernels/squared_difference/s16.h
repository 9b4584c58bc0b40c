/* SQUARED_DIFFERENCE of int16 values; params.h says what it computes. */
#ifndef TML_SQUARED_DIFFERENCE_S16_H
#define TML_SQUARED_DIFFERENCE_S16_H

#include "kernels/squared_difference/params.h"
#include "kernels/types/s16.h"

typedef tml_squared_difference_params tml_squared_difference_params_s16;

TML_KERNEL void tml_squared_difference_s16(const tml_squared_difference_params *params,
                                           const int16_t *input1, const int16_t *input2,
                                           int16_t *output);

#define TML_OP squared_difference
#define TML_TYPE s16
#define TML_HEADROOM 0
#include "kernels/squared_difference/body.h"
#undef TML_HEADROOM
#undef TML_OP
#undef TML_TYPE

#endif
