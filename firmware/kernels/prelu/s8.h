/* PRELU, int8, with slopes that are broadcast.
 *
 *   x      = input + input_offset
 *   output = clamp(output_offset + (x >= 0 ? requantise(x, positive)
 *                                          : requantise(x * (slope + slope_offset), negative)))
 *
 * Four nested loops of `count` steps go through input and output in order; in a step of loop i the
 * position among the slopes advances by step[i] elements (0 where they are broadcast). Loops that
 * are not needed come first and count 1.
 *
 * negative.shift <= 15 and positive.shift <= 22, so nothing overflows. The output may be the input,
 * in place. Source of the arithmetic: TensorFlow Lite, reference_ops::BroadcastPrelu4DSlow.
 */
#ifndef TML_PRELU_S8_H
#define TML_PRELU_S8_H

#include "tml_fixedpoint.h"

typedef struct {
    int32_t count[4];
    int32_t step[4];
    int32_t input_offset;
    int32_t slope_offset;
    tml_requant positive;
    tml_requant negative;
    int32_t output_offset;
} tml_prelu_params;

TML_KERNEL int8_t tml_prelu_output(const tml_prelu_params *params, int32_t value, int32_t slope)
{
    const int32_t scaled = value >= 0
        ? tml_requantise(value, params->positive.multiplier, params->positive.shift)
        : tml_requantise(value * (slope + params->slope_offset), params->negative.multiplier,
                         params->negative.shift);
    return (int8_t)tml_clamp_to(scaled + params->output_offset, -128, 127);
}

TML_KERNEL void tml_prelu_s8(const tml_prelu_params *params, const int8_t *input,
                             const int8_t *slopes, int8_t *output)
{
    const int32_t *const count = params->count;
    const int32_t *const step = params->step;
    for (int32_t i0 = 0; i0 < count[0]; ++i0) {
        for (int32_t i1 = 0; i1 < count[1]; ++i1) {
            for (int32_t i2 = 0; i2 < count[2]; ++i2) {
                const int8_t *slope = slopes + i0 * step[0] + i1 * step[1] + i2 * step[2];
                TML_ROLLED
                for (int32_t i3 = 0; i3 < count[3]; ++i3) {
                    *output++ = tml_prelu_output(params, *input++ + params->input_offset, *slope);
                    slope += step[3];
                }
            }
        }
    }
}

#endif
