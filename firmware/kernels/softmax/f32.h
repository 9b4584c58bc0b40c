/* SOFTMAX of floats along the last dimension.
 *
 * out[r, i] = exp((in[r, i] - max of the row) * beta) / (sum of these)
 *
 * The output may be the input, in place.
 */
#ifndef TML_SOFTMAX_F32_H
#define TML_SOFTMAX_F32_H

#include "kernels/types/f32.h"
#include "kernels/types/math_f32.h"

typedef struct {
    int32_t rows;
    int32_t depth;
    float beta;
} tml_softmax_params_f32;

TML_KERNEL void tml_softmax_f32(const tml_softmax_params_f32 *params, const float *input,
                                float *output)
{
    for (int32_t row = 0; row < params->rows; ++row) {
        float greatest = input[0];
        TML_ROLLED
        for (int32_t i = 1; i < params->depth; ++i) {
            greatest = greatest < input[i] ? input[i] : greatest;
        }
        float sum = 0.0f;
        TML_ROLLED
        for (int32_t i = 0; i < params->depth; ++i) {
            output[i] = tml_float_exp((input[i] - greatest) * params->beta);
            sum += output[i];
        }
        TML_ROLLED
        for (int32_t i = 0; i < params->depth; ++i) {
            output[i] = tml_float_divide(output[i], sum);
        }
        input += params->depth;
        output += params->depth;
    }
}

#endif
