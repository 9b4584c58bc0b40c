/* LOG_SOFTMAX of floats along the last dimension.
 *
 *   output = input - max of the row - log(sum of exp(input - max of the row))
 *
 * The output may be the input, in place. Source: TensorFlow Lite, reference_ops::LogSoftmax.
 */
#ifndef TML_LOG_SOFTMAX_F32_H
#define TML_LOG_SOFTMAX_F32_H

#include "kernels/types/f32.h"
#include "kernels/types/math_f32.h"

typedef struct {
    int32_t rows;
    int32_t depth;
} tml_log_softmax_params_f32;

TML_KERNEL void tml_log_softmax_f32(const tml_log_softmax_params_f32 *params, const float *input,
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
            sum += tml_float_exp(input[i] - greatest);
        }
        const float log = tml_float_log(sum);
        TML_ROLLED
        for (int32_t i = 0; i < params->depth; ++i) {
            output[i] = input[i] - greatest - log;
        }
        input += params->depth;
        output += params->depth;
    }
}

#endif
