/* ADD and SUB of int8 values; params.h says what it computes. */
#ifndef TML_ADD_S8_H
#define TML_ADD_S8_H

#include "kernels/add/params.h"
#include "kernels/types/s8.h"

typedef tml_add_params tml_add_params_s8;

TML_KERNEL void tml_add_s8(const tml_add_params *params, const int8_t *input1, const int8_t *input2,
                           int8_t *output);
TML_KERNEL void tml_sub_s8(const tml_add_params *params, const int8_t *input1, const int8_t *input2,
                           int8_t *output);

#define TML_OP add
#define TML_TYPE s8
#define TML_HEADROOM 20
#define TML_RIGHT tml_requantise_right
#include "kernels/add/body.h"
#undef TML_RIGHT
#undef TML_HEADROOM
#undef TML_OP
#undef TML_TYPE

#endif
