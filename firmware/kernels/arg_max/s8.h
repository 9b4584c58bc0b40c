/* ARG_MAX and ARG_MIN of int8 values; params.h says what they compute. */
#ifndef TML_ARG_MAX_S8_H
#define TML_ARG_MAX_S8_H

#include "kernels/arg_max/params.h"
#include "kernels/types/s8.h"

typedef tml_arg_max_params tml_arg_max_params_s8;

TML_KERNEL void tml_arg_max_s8(const tml_arg_max_params *params, const int8_t *input,
                               int32_t *output);
TML_KERNEL void tml_arg_min_s8(const tml_arg_max_params *params, const int8_t *input,
                               int32_t *output);

#define TML_OP arg_max
#define TML_TYPE s8
#include "kernels/arg_max/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
