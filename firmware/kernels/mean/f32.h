/* MEAN and SUM of floats over up to two runs of neighbouring axes.
 *
 * out[o, m, i] = (sum over r, s of in[o, r, m, s, i]) / divisor
 *
 * The input is seen as [outer, outer_reduced, middle, inner_reduced, inner].
 */
#ifndef TML_MEAN_F32_H
#define TML_MEAN_F32_H

#include "kernels/types/f32.h"

typedef struct {
    int32_t outer;
    int32_t outer_reduced;
    int32_t middle;
    int32_t inner_reduced;
    int32_t inner;
    float divisor;
} tml_mean_params_f32;

TML_KERNEL void tml_mean_f32(const tml_mean_params_f32 *params, const float *input, float *output)
{
    const int32_t row = params->inner_reduced * params->inner;
    TML_ROLLED
    for (int32_t o = 0; o < params->outer; ++o) {
        TML_ROLLED
        for (int32_t m = 0; m < params->middle; ++m) {
            TML_ROLLED
            for (int32_t i = 0; i < params->inner; ++i) {
                float sum = 0.0f;
                TML_ROLLED
                for (int32_t r = 0; r < params->outer_reduced; ++r) {
                    const float *x = input + (r * params->middle + m) * row + i;
                    TML_ROLLED
                    for (int32_t s = 0; s < params->inner_reduced; ++s) {
                        sum += x[s * params->inner];
                    }
                }
                *output++ = tml_float_divide(sum, params->divisor);
            }
        }
        input += params->outer_reduced * params->middle * row;
    }
}

#endif
