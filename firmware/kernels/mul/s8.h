/* MUL of int8 values; params.h says what it computes. */
#ifndef TML_MUL_S8_H
#define TML_MUL_S8_H

#include "kernels/mul/params.h"
#include "kernels/types/s8.h"

typedef tml_mul_params tml_mul_params_s8;

TML_KERNEL void tml_mul_s8(const tml_mul_params *params, const int8_t *input1, const int8_t *input2,
                           int8_t *output);

#define TML_OP mul
#define TML_TYPE s8
#define TML_RIGHT tml_requantise_right
#include "kernels/mul/body.h"
#undef TML_RIGHT
#undef TML_OP
#undef TML_TYPE

#endif
