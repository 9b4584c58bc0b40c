/* DEQUANTIZE, int8 or uint8 to float32: output = scale * (input + input_offset).
 *
 * Both factors are exact in float32, so the product is rounded once, as in the reference, which
 * multiplies in binary64 and then rounds.
 * The input may share memory with the output's end: elements are converted in order.
 */
#ifndef TML_DEQUANTIZE_S8_H
#define TML_DEQUANTIZE_S8_H

#include "tml.h"

typedef struct {
    int32_t count;
    int32_t input_offset;
    float scale;
} tml_dequantize_params;

TML_KERNEL void tml_dequantize_s8(const tml_dequantize_params *params, const int8_t *input,
                                  float *output)
{
    const float scale = tml_factor(params->scale);
    for (int32_t i = 0; i < params->count; ++i) {
        output[i] = scale * (float)(input[i] + params->input_offset);
    }
}

TML_KERNEL void tml_dequantize_u8(const tml_dequantize_params *params, const uint8_t *input,
                                  float *output)
{
    const float scale = tml_factor(params->scale);
    for (int32_t i = 0; i < params->count; ++i) {
        output[i] = scale * (float)(input[i] + params->input_offset);
    }
}

#endif
