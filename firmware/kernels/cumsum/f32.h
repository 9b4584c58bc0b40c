/* CUMSUM of floats: sums of all elements up to each, along an axis.
 *
 *   output[outer][k][inner] = sum of input[outer][j][inner]
 *
 * over the first j up to k, or below k when is_exclusive; from the end backwards when is_reversed. The
 * output may be the input, in place. Source: TensorFlow Lite, reference_ops::CumSum.
 */
#ifndef TML_CUMSUM_F32_H
#define TML_CUMSUM_F32_H

#include "kernels/types/f32.h"

typedef struct {
    int32_t outer;
    int32_t depth; /* of the axis */
    int32_t inner;
    bool is_exclusive;
    bool is_reversed;
} tml_cumsum_params_f32;

TML_KERNEL void tml_cumsum_f32(const tml_cumsum_params_f32 *params, const float *input,
                               float *output)
{
    const int32_t step = params->is_reversed ? -params->inner : params->inner;
    for (int32_t outer = 0; outer < params->outer; ++outer) {
        for (int32_t inner = 0; inner < params->inner; ++inner) {
            int32_t at = (outer * params->depth + (params->is_reversed ? params->depth - 1 : 0))
                    * params->inner
                + inner;
            float sum = 0.0f;
            TML_ROLLED
            for (int32_t k = 0; k < params->depth; ++k) {
                const float before = sum;
                sum += input[at];
                output[at] = params->is_exclusive ? before : sum;
                at += step;
            }
        }
    }
}

#endif
