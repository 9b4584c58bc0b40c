/* SQUARED_DIFFERENCE of int8 values; params.h says what it computes. */
#ifndef TML_SQUARED_DIFFERENCE_S8_H
#define TML_SQUARED_DIFFERENCE_S8_H

#include "kernels/squared_difference/params.h"
#include "kernels/types/s8.h"

typedef tml_squared_difference_params tml_squared_difference_params_s8;

TML_KERNEL void tml_squared_difference_s8(const tml_squared_difference_params *params,
                                          const int8_t *input1, const int8_t *input2,
                                          int8_t *output);

#define TML_OP squared_difference
#define TML_TYPE s8
#define TML_HEADROOM 7
#include "kernels/squared_difference/body.h"
#undef TML_HEADROOM
#undef TML_OP
#undef TML_TYPE

#endif
