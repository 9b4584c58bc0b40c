/* ADD and SUB of int16 values; params.h says what it computes. */
#ifndef TML_ADD_S16_H
#define TML_ADD_S16_H

#include "kernels/add/params.h"
#include "kernels/types/s16.h"

typedef tml_add_params tml_add_params_s16;

TML_KERNEL void tml_add_s16(const tml_add_params *params, const int16_t *input1,
                            const int16_t *input2, int16_t *output);
TML_KERNEL void tml_sub_s16(const tml_add_params *params, const int16_t *input1,
                            const int16_t *input2, int16_t *output);

#define TML_OP add
#define TML_TYPE s16
#define TML_HEADROOM 15
#define TML_RIGHT tml_requantise
#include "kernels/add/body.h"
#undef TML_RIGHT
#undef TML_HEADROOM
#undef TML_OP
#undef TML_TYPE

#endif
