/* QUANTIZE where input or output have more than 8 bits; s8.h has the rest.
 *
 *   from float32:   output = clamp(round(input / scale) + zero_point), halves away from zero
 *   from integers:  output = clamp(requantise(input + input_offset) + output_offset)
 *
 * Floats beyond the range saturate, NaN gives the lowest value. Sums and shifts to the left wrap at 32
 * bits, as far as a factor lets them come there. What is read may be overwritten where the output has
 * no more bytes; where it has more, the input may share memory with its end.
 * Source of the arithmetic: TensorFlow Lite, reference_ops::AffineQuantize and ::Requantize.
 */
#ifndef TML_QUANTIZE_S16_H
#define TML_QUANTIZE_S16_H

#include "kernels/quantize/s8.h"

typedef struct {
    int32_t count;
    int32_t input_offset;
    tml_requant requant;
    int32_t output_offset;
} tml_quantize_params;

typedef tml_quantize_f32_params tml_quantize_f32_s16_params;
typedef tml_quantize_params tml_quantize_s8_s16_params;
typedef tml_quantize_params tml_quantize_s8_s32_params;
typedef tml_quantize_params tml_quantize_s16_s16_params;
typedef tml_quantize_params tml_quantize_s16_s32_params;
typedef tml_quantize_params tml_quantize_s32_s8_params;
typedef tml_quantize_params tml_quantize_s32_s16_params;

TML_KERNEL void tml_quantize_f32_s16(const tml_quantize_f32_s16_params *params, const float *input,
                                     int16_t *output)
{
    for (int32_t i = 0; i < params->count; ++i) {
        float steps = input[i] / params->scale;
        /* 131072 saturates for every zero point; the comparison that NaN fails comes first. */
        steps = steps > -131072.0f ? steps : -131072.0f;
        steps = steps < 131072.0f ? steps : 131072.0f;
        int32_t rounded = (int32_t)steps;
        const float rest = steps - (float)rounded;
        rounded += rest >= 0.5f ? 1 : 0;
        rounded -= rest <= -0.5f ? 1 : 0;
        output[i] = (int16_t)tml_clamp_to(rounded + params->zero_point, INT16_MIN, INT16_MAX);
    }
}

/* One output before it is clamped. */
TML_KERNEL int32_t tml_quantize_rescaled(const tml_quantize_params *params, int32_t value)
{
    const int32_t centred = (int32_t)((uint32_t)value + (uint32_t)params->input_offset);
    const int32_t scaled
        = tml_requantise(centred, params->requant.multiplier, params->requant.shift);
    return (int32_t)((uint32_t)scaled + (uint32_t)params->output_offset);
}

TML_KERNEL void tml_quantize_s8_s16(const tml_quantize_s8_s16_params *params, const int8_t *input,
                                    int16_t *output)
{
    for (int32_t i = 0; i < params->count; ++i) {
        const int32_t value = tml_quantize_rescaled(params, input[i]);
        output[i] = (int16_t)tml_clamp_to(value, INT16_MIN, INT16_MAX);
    }
}

TML_KERNEL void tml_quantize_s8_s32(const tml_quantize_s8_s32_params *params, const int8_t *input,
                                    int32_t *output)
{
    for (int32_t i = 0; i < params->count; ++i) {
        output[i] = tml_quantize_rescaled(params, input[i]);
    }
}

TML_KERNEL void tml_quantize_s16_s16(const tml_quantize_s16_s16_params *params,
                                     const int16_t *input, int16_t *output)
{
    for (int32_t i = 0; i < params->count; ++i) {
        const int32_t value = tml_quantize_rescaled(params, input[i]);
        output[i] = (int16_t)tml_clamp_to(value, INT16_MIN, INT16_MAX);
    }
}

TML_KERNEL void tml_quantize_s16_s32(const tml_quantize_s16_s32_params *params,
                                     const int16_t *input, int32_t *output)
{
    for (int32_t i = 0; i < params->count; ++i) {
        output[i] = tml_quantize_rescaled(params, input[i]);
    }
}

TML_KERNEL void tml_quantize_s32_s8(const tml_quantize_s32_s8_params *params, const int32_t *input,
                                    int8_t *output)
{
    for (int32_t i = 0; i < params->count; ++i) {
        output[i] = (int8_t)tml_clamp_to(tml_quantize_rescaled(params, input[i]), -128, 127);
    }
}

TML_KERNEL void tml_quantize_s32_s16(const tml_quantize_s32_s16_params *params,
                                     const int32_t *input, int16_t *output)
{
    for (int32_t i = 0; i < params->count; ++i) {
        const int32_t value = tml_quantize_rescaled(params, input[i]);
        output[i] = (int16_t)tml_clamp_to(value, INT16_MIN, INT16_MAX);
    }
}

#endif
