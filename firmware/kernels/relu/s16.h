/* RELU and RELU6 of int16 values; int8 values have tables.
 *
 *   RELU:  output = clamp(requantise(input + input_offset) + output_offset)
 *   RELU6: output = clamp(input)
 *
 * requant.shift <= 14, so that nothing overflows. The output may be the input, in place.
 * Source of the arithmetic: TensorFlow Lite Micro, ReluQuantized and Relu6Quantized.
 */
#ifndef TML_RELU_S16_H
#define TML_RELU_S16_H

#include "kernels/types/s16.h"

typedef struct {
    int32_t count;
    int32_t input_offset;
    tml_requant requant;
    int32_t output_offset;
    tml_clamp clamp;
} tml_relu_params;

typedef struct {
    int32_t count;
    tml_clamp clamp;
} tml_relu6_params;

TML_KERNEL void tml_relu_s16(const tml_relu_params *params, const int16_t *input, int16_t *output)
{
    TML_ROLLED
    for (int32_t i = 0; i < params->count; ++i) {
        const int32_t scaled = tml_requantise(input[i] + params->input_offset,
                                              params->requant.multiplier, params->requant.shift);
        output[i] = TML_CLAMPED_s16(scaled + params->output_offset, params->clamp);
    }
}

TML_KERNEL void tml_relu6_s16(const tml_relu6_params *params, const int16_t *input, int16_t *output)
{
    TML_ROLLED
    for (int32_t i = 0; i < params->count; ++i) {
        output[i] = TML_CLAMPED_s16(input[i], params->clamp);
    }
}

#endif
