/* LEAKY_RELU of int16 values; int8 values have tables.
 *
 *   x      = input + input_offset
 *   output = clamp(output_offset + (x >= 0 ? requantise(x, positive) : +-requantise(x, negative)))
 *
 * negative is the factor without its sign; is_negated says that the slope is below 0. Both shifts are
 * at most 14, so that nothing overflows. The output may be the input, in place.
 * Source of the arithmetic: TensorFlow Lite, reference_ops::QuantizeLeakyRelu.
 */
#ifndef TML_LEAKY_RELU_S16_H
#define TML_LEAKY_RELU_S16_H

#include "kernels/types/s16.h"

typedef struct {
    int32_t count;
    int32_t input_offset;
    tml_requant positive;
    tml_requant negative;
    bool is_negated;
    int32_t output_offset;
} tml_leaky_relu_params;

TML_KERNEL void tml_leaky_relu_s16(const tml_leaky_relu_params *params, const int16_t *input,
                                   int16_t *output)
{
    TML_ROLLED
    for (int32_t i = 0; i < params->count; ++i) {
        const int32_t value = input[i] + params->input_offset;
        const tml_requant requant = value >= 0 ? params->positive : params->negative;
        const int32_t scaled = tml_requantise(value, requant.multiplier, requant.shift);
        const int32_t leaked = value < 0 && params->is_negated ? -scaled : scaled;
        output[i] = TML_SATURATED_s16(leaked + params->output_offset);
    }
}

#endif
