/* Comparisons of int8 values; params.h says what they compute. */
#ifndef TML_EQUAL_S8_H
#define TML_EQUAL_S8_H

#include "kernels/equal/params.h"
#include "kernels/types/s8.h"

typedef tml_equal_params tml_equal_params_s8;

TML_KERNEL void tml_equal_s8(const tml_equal_params *params, const int8_t *input1,
                             const int8_t *input2, bool *output);
TML_KERNEL void tml_not_equal_s8(const tml_equal_params *params, const int8_t *input1,
                                 const int8_t *input2, bool *output);
TML_KERNEL void tml_greater_s8(const tml_equal_params *params, const int8_t *input1,
                               const int8_t *input2, bool *output);
TML_KERNEL void tml_greater_equal_s8(const tml_equal_params *params, const int8_t *input1,
                                     const int8_t *input2, bool *output);
TML_KERNEL void tml_less_s8(const tml_equal_params *params, const int8_t *input1,
                            const int8_t *input2, bool *output);
TML_KERNEL void tml_less_equal_s8(const tml_equal_params *params, const int8_t *input1,
                                  const int8_t *input2, bool *output);

#define TML_OP equal
#define TML_TYPE s8
#define TML_COMPARED(value, requant) \
    tml_requantise((value) * (1 << 8), (requant).multiplier, (requant).shift)
#include "kernels/equal/body.h"
#undef TML_COMPARED
#undef TML_OP
#undef TML_TYPE

#endif
