/* MUL of int16 values; params.h says what it computes. */
#ifndef TML_MUL_S16_H
#define TML_MUL_S16_H

#include "kernels/mul/params.h"
#include "kernels/types/s16.h"

typedef tml_mul_params tml_mul_params_s16;

TML_KERNEL void tml_mul_s16(const tml_mul_params *params, const int16_t *input1,
                            const int16_t *input2, int16_t *output);

#define TML_OP mul
#define TML_TYPE s16
#define TML_RIGHT tml_requantise
#include "kernels/mul/body.h"
#undef TML_RIGHT
#undef TML_OP
#undef TML_TYPE

#endif
