/* FULLY_CONNECTED of int16 values and int8 weights, summed in 64 bits; params.h says what it computes. */
#ifndef TML_FULLY_CONNECTED_S16_H
#define TML_FULLY_CONNECTED_S16_H

#include "kernels/fully_connected/params.h"
#include "kernels/types/s16.h"

typedef tml_fully_connected_params tml_fully_connected_params_s16;

TML_KERNEL void tml_fully_connected_s16(const tml_fully_connected_params *params,
                                        const int16_t *input, const int8_t *weights,
                                        const int64_t *bias, const int32_t *multiplier,
                                        const int8_t *shift, int16_t *output);

#define TML_OP fully_connected
#define TML_TYPE s16
#include "kernels/fully_connected/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
