/* MAXIMUM and MINIMUM of int64 values; params.h says what they compute. */
#ifndef TML_MAXIMUM_S64_H
#define TML_MAXIMUM_S64_H

#include "kernels/maximum/params.h"
#include "kernels/types/plain.h"

typedef tml_maximum_params tml_maximum_params_s64;

TML_KERNEL void tml_maximum_s64(const tml_maximum_params *params, const int64_t *input1,
                                const int64_t *input2, int64_t *output);
TML_KERNEL void tml_minimum_s64(const tml_maximum_params *params, const int64_t *input1,
                                const int64_t *input2, int64_t *output);

#define TML_OP maximum
#define TML_TYPE s64
#include "kernels/maximum/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
