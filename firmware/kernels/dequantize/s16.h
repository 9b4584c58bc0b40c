/* DEQUANTIZE of int16 values; params.h says what it computes. */
#ifndef TML_DEQUANTIZE_S16_H
#define TML_DEQUANTIZE_S16_H

#include "kernels/dequantize/params.h"
#include "kernels/types/s16.h"

typedef tml_dequantize_params tml_dequantize_params_s16;

TML_KERNEL void tml_dequantize_s16(const tml_dequantize_params *params, const int16_t *input,
                                   float *output);

#define TML_TYPE s16
#include "kernels/dequantize/body.h"
#undef TML_TYPE

#endif
