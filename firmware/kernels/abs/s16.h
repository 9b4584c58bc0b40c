/* ABS of int16 values; int8 values have tables.
 *
 *   output = clamp(requantise(|input + input_offset|) + output_offset)
 *
 * requant.shift <= 14, so that nothing overflows. The output may be the input, in place.
 * Source of the arithmetic: TensorFlow Lite Micro, AbsEvalQuantized.
 */
#ifndef TML_ABS_S16_H
#define TML_ABS_S16_H

#include "kernels/types/s16.h"

typedef struct {
    int32_t count;
    int32_t input_offset;
    tml_requant requant;
    int32_t output_offset;
} tml_abs_params;

TML_KERNEL void tml_abs_s16(const tml_abs_params *params, const int16_t *input, int16_t *output)
{
    TML_ROLLED
    for (int32_t i = 0; i < params->count; ++i) {
        const int32_t value = input[i] + params->input_offset;
        const int32_t scaled = tml_requantise(value < 0 ? -value : value,
                                              params->requant.multiplier, params->requant.shift);
        output[i] = TML_SATURATED_s16(scaled + params->output_offset);
    }
}

#endif
