/* FULLY_CONNECTED of int16 values and int8 weights, with biases and sums of 32 bits; params.h says what it computes. */
#ifndef TML_FULLY_CONNECTED_S16_B32_H
#define TML_FULLY_CONNECTED_S16_B32_H

#include "kernels/fully_connected/params.h"
#include "kernels/types/s16_b32.h"

typedef tml_fully_connected_params tml_fully_connected_params_s16_b32;

TML_KERNEL void tml_fully_connected_s16_b32(const tml_fully_connected_params *params,
                                            const int16_t *input, const int8_t *weights,
                                            const int32_t *bias, const int32_t *multiplier,
                                            const int8_t *shift, int16_t *output);

#define TML_OP fully_connected
#define TML_TYPE s16_b32
#include "kernels/fully_connected/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
