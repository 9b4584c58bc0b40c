/* Comparisons of floats; params.h says what they compute. */
#ifndef TML_EQUAL_F32_H
#define TML_EQUAL_F32_H

#include "kernels/equal/params.h"
#include "kernels/types/f32.h"

typedef tml_equal_params tml_equal_params_f32;

TML_KERNEL void tml_equal_f32(const tml_equal_params *params, const float *input1,
                              const float *input2, bool *output);
TML_KERNEL void tml_not_equal_f32(const tml_equal_params *params, const float *input1,
                                  const float *input2, bool *output);
TML_KERNEL void tml_greater_f32(const tml_equal_params *params, const float *input1,
                                const float *input2, bool *output);
TML_KERNEL void tml_greater_equal_f32(const tml_equal_params *params, const float *input1,
                                      const float *input2, bool *output);
TML_KERNEL void tml_less_f32(const tml_equal_params *params, const float *input1,
                             const float *input2, bool *output);
TML_KERNEL void tml_less_equal_f32(const tml_equal_params *params, const float *input1,
                                   const float *input2, bool *output);

#define TML_OP equal
#define TML_TYPE f32
#define TML_TAKEN(value, offset) (value)
#define TML_COMPARED(value, requant) (value)
#include "kernels/equal/body.h"
#undef TML_COMPARED
#undef TML_TAKEN
#undef TML_OP
#undef TML_TYPE

#endif
