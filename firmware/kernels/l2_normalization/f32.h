/* L2_NORMALIZATION of floats: each row divided by the root of the sum of its squares.
 *
 * The root counts as 1e-6 at least. The output may be the input, in place.
 * Source: TensorFlow Lite, reference_ops::L2Normalization.
 */
#ifndef TML_L2_NORMALIZATION_F32_H
#define TML_L2_NORMALIZATION_F32_H

#include "kernels/types/f32.h"
#include "kernels/types/math_f32.h"

typedef struct {
    int32_t rows;
    int32_t depth;
} tml_l2_normalization_params_f32;

TML_KERNEL void tml_l2_normalization_f32(const tml_l2_normalization_params_f32 *params,
                                         const float *input, float *output)
{
    for (int32_t row = 0; row < params->rows; ++row) {
        float sum = 0.0f;
        TML_ROLLED
        for (int32_t i = 0; i < params->depth; ++i) {
            sum += input[i] * input[i];
        }
        const float root = tml_float_sqrt(sum);
        const float divisor = root < 1e-6f ? 1e-6f : root;
        TML_ROLLED
        for (int32_t i = 0; i < params->depth; ++i) {
            output[i] = tml_float_divide(input[i], divisor);
        }
        input += params->depth;
        output += params->depth;
    }
}

#endif
