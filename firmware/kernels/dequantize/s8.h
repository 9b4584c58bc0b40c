/* DEQUANTIZE of int8 and uint8 values; params.h says what it computes. */
#ifndef TML_DEQUANTIZE_S8_H
#define TML_DEQUANTIZE_S8_H

#include "kernels/dequantize/params.h"
#include "kernels/types/s8.h"

typedef uint8_t tml_value_u8; /* all that is ever done with one */

TML_KERNEL void tml_dequantize_s8(const tml_dequantize_params *params, const int8_t *input,
                                  float *output);
TML_KERNEL void tml_dequantize_u8(const tml_dequantize_params *params, const uint8_t *input,
                                  float *output);

#define TML_TYPE s8
#include "kernels/dequantize/body.h"
#undef TML_TYPE

#define TML_TYPE u8
#include "kernels/dequantize/body.h"
#undef TML_TYPE

#endif
