/* FULLY_CONNECTED of int8 values whose sums may leave 32 bits, where they wrap; params.h says what it computes. */
#ifndef TML_FULLY_CONNECTED_S8_WRAP_H
#define TML_FULLY_CONNECTED_S8_WRAP_H

#include "kernels/fully_connected/params.h"
#include "kernels/types/s8_wrap.h"

typedef tml_fully_connected_params tml_fully_connected_params_s8_wrap;

TML_KERNEL void tml_fully_connected_s8_wrap(const tml_fully_connected_params *params,
                                            const int8_t *input, const int8_t *weights,
                                            const int32_t *bias, const int32_t *multiplier,
                                            const int8_t *shift, int8_t *output);

#define TML_OP fully_connected
#define TML_TYPE s8_wrap
#include "kernels/fully_connected/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
