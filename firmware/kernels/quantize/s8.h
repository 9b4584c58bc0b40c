/* QUANTIZE to int8, from float32 or from int16. Maps of 8-bit values use kernels/lookup.
 *
 *   from float32: output = clamp(round(input / scale) + zero_point), halves away from zero
 *   from int16:   output = clamp(requantise(input + input_offset) + output_offset)
 *
 * Floats beyond the range saturate, NaN gives -128. requant.shift <= 14.
 * The output may lie where the input begins, or further down.
 * Source of the arithmetic: TensorFlow Lite, reference_ops::AffineQuantize and ::Requantize.
 */
#ifndef TML_QUANTIZE_S8_H
#define TML_QUANTIZE_S8_H

#include "tml_fixedpoint.h"

typedef struct {
    int32_t count;
    float scale;
    int32_t zero_point;
} tml_quantize_f32_params;

typedef struct {
    int32_t count;
    int32_t input_offset;
    tml_requant requant;
    int32_t output_offset;
} tml_quantize_s16_params;

TML_KERNEL void tml_quantize_f32_s8(const tml_quantize_f32_params *params, const float *input,
                                    int8_t *output)
{
    for (int32_t i = 0; i < params->count; ++i) {
        float steps = input[i] / params->scale;
        /* 1024 saturates for every zero point; the comparison that NaN fails comes first. */
        steps = steps > -1024.0f ? steps : -1024.0f;
        steps = steps < 1024.0f ? steps : 1024.0f;
        int32_t rounded = (int32_t)steps;
        const float rest = steps - (float)rounded;
        rounded += rest >= 0.5f ? 1 : 0;
        rounded -= rest <= -0.5f ? 1 : 0;
        output[i] = (int8_t)tml_clamp_to(rounded + params->zero_point, -128, 127);
    }
}

TML_KERNEL void tml_quantize_s16_s8(const tml_quantize_s16_params *params, const int16_t *input,
                                    int8_t *output)
{
    for (int32_t i = 0; i < params->count; ++i) {
        const int32_t value = input[i] + params->input_offset;
        const int32_t scaled = params->requant.shift < 0
            ? tml_requantise_right(value, params->requant.multiplier, params->requant.shift)
            : tml_requantise(value, params->requant.multiplier, params->requant.shift);
        output[i] = (int8_t)tml_clamp_to(scaled + params->output_offset, -128, 127);
    }
}

#endif
