/* MEAN in plain C, over up to two runs of neighbouring axes.
 *
 * out[o, m, i] = clamp(rescale(sum over r, s of in[o, r, m, s, i] + sum_offset) + output_offset)
 *
 * The input is seen as [outer, outer_reduced, middle, inner_reduced, inner]. sum_offset takes the
 * input's zero point from every summed element; requant divides by their number.
 */
#ifndef TML_MEAN_S8_H
#define TML_MEAN_S8_H

#include "tml.h"
#include "tml_fixedpoint.h"

typedef struct {
    int32_t outer;
    int32_t outer_reduced;
    int32_t middle;
    int32_t inner_reduced;
    int32_t inner;
    int32_t sum_offset;
    int32_t output_offset;
    tml_requant requant;
} tml_mean_params;

TML_KERNEL void tml_mean_s8(const tml_mean_params *params, const int8_t *input, int8_t *output)
{
    const int32_t inner_bytes = params->inner_reduced * params->inner;
    const int32_t middle_bytes = params->middle * inner_bytes;

    for (int32_t outer = 0; outer < params->outer; ++outer) {
        for (int32_t middle = 0; middle < params->middle; ++middle) {
            TML_ROLLED
            for (int32_t inner = 0; inner < params->inner; ++inner) {
                int32_t sum = params->sum_offset;
                TML_ROLLED
                for (int32_t i = 0; i < params->outer_reduced; ++i) {
                    const int8_t *run = input + i * middle_bytes + middle * inner_bytes + inner;
                    for (int32_t k = 0; k < inner_bytes; k += params->inner) {
                        sum += run[k];
                    }
                }
                const int32_t scaled
                    = tml_requantise(sum, params->requant.multiplier, params->requant.shift)
                    + params->output_offset;
                *output++ = (int8_t)tml_clamp_to(scaled, -128, 127);
            }
        }
        input += params->outer_reduced * middle_bytes;
    }
}

#endif
