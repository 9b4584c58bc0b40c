/* Comparisons of int64 values; params.h says what they compute. */
#ifndef TML_EQUAL_S64_H
#define TML_EQUAL_S64_H

#include "kernels/equal/params.h"
#include "kernels/types/plain.h"

typedef tml_equal_params tml_equal_params_s64;

TML_KERNEL void tml_equal_s64(const tml_equal_params *params, const int64_t *input1,
                              const int64_t *input2, bool *output);
TML_KERNEL void tml_not_equal_s64(const tml_equal_params *params, const int64_t *input1,
                                  const int64_t *input2, bool *output);
TML_KERNEL void tml_greater_s64(const tml_equal_params *params, const int64_t *input1,
                                const int64_t *input2, bool *output);
TML_KERNEL void tml_greater_equal_s64(const tml_equal_params *params, const int64_t *input1,
                                      const int64_t *input2, bool *output);
TML_KERNEL void tml_less_s64(const tml_equal_params *params, const int64_t *input1,
                             const int64_t *input2, bool *output);
TML_KERNEL void tml_less_equal_s64(const tml_equal_params *params, const int64_t *input1,
                                   const int64_t *input2, bool *output);

#define TML_OP equal
#define TML_TYPE s64
#define TML_TAKEN(value, offset) (value)
#define TML_COMPARED(value, requant) (value)
#include "kernels/equal/body.h"
#undef TML_COMPARED
#undef TML_TAKEN
#undef TML_OP
#undef TML_TYPE

#endif
