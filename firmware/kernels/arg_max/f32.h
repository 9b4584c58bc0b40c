/* ARG_MAX and ARG_MIN of floats; params.h says what they compute.
 *
 * What is not a number is passed over, unless all are. Source: TensorFlow Lite, GetComparefunction.
 */
#ifndef TML_ARG_MAX_F32_H
#define TML_ARG_MAX_F32_H

#include "kernels/arg_max/params.h"
#include "kernels/types/f32.h"

typedef tml_arg_max_params tml_arg_max_params_f32;

TML_KERNEL void tml_arg_max_f32(const tml_arg_max_params *params, const float *input,
                                int32_t *output);
TML_KERNEL void tml_arg_min_f32(const tml_arg_max_params *params, const float *input,
                                int32_t *output);

#define TML_OP arg_max
#define TML_TYPE f32
#define TML_IS_NO_NUMBER(x) ((x) != (x))
#include "kernels/arg_max/body.h"
#undef TML_IS_NO_NUMBER
#undef TML_OP
#undef TML_TYPE

#endif
