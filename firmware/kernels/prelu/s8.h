/* PRELU of int8 values and slopes; params.h says what it computes. */
#ifndef TML_PRELU_S8_H
#define TML_PRELU_S8_H

#include "kernels/prelu/params.h"
#include "kernels/types/s8.h"

typedef tml_prelu_params tml_prelu_params_s8;

TML_KERNEL void tml_prelu_s8(const tml_prelu_params *params, const int8_t *input,
                             const int8_t *slopes, int8_t *output);

#define TML_OP prelu
#define TML_TYPE s8
#include "kernels/prelu/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
