/* FULLY_CONNECTED of int16 values and int8 weights, whose sums fit 32 bits;
 * kernels/fully_connected/params.h says what it computes.
 */
#ifndef TML_PORTABLE_FULLY_CONNECTED_S16_H
#define TML_PORTABLE_FULLY_CONNECTED_S16_H

#include "kernels/fully_connected/params.h"
#include "kernels/types/s16_short.h"

typedef tml_fully_connected_params tml_fully_connected_params_s16_short;

TML_KERNEL void tml_fully_connected_s16_short(const tml_fully_connected_params *params,
                                              const int16_t *input, const int8_t *weights,
                                              const int32_t *bias, const int32_t *multiplier,
                                              const int8_t *shift, int16_t *output);

#define TML_OP fully_connected
#define TML_TYPE s16_short
#include "kernels/fully_connected/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
