/* ADD_N of floats: the sum of several inputs, element by element, from the first to the last.
 *
 * One kernel per number of inputs that it takes; those that are not used are `count` and more. The
 * output may be an input, in place. Source: TensorFlow Lite, reference_ops::AddN.
 */
#ifndef TML_ADD_N_F32_H
#define TML_ADD_N_F32_H

#include "kernels/types/f32.h"

typedef struct {
    int32_t elements;
    int32_t count; /* of inputs */
} tml_add_n_params_f32;

TML_KERNEL void tml_add_n_elements_f32(const tml_add_n_params_f32 *params,
                                       const float *const *input, float *output)
{
    TML_ROLLED
    for (int32_t i = 0; i < params->elements; ++i) {
        float sum = 0.0f;
        for (int32_t k = 0; k < params->count; ++k) {
            sum += input[k][i];
        }
        output[i] = sum;
    }
}

TML_KERNEL void tml_add_n_4_f32(const tml_add_n_params_f32 *params, const float *input0,
                                const float *input1, const float *input2, const float *input3,
                                float *output)
{
    const float *const input[4] = {input0, input1, input2, input3};
    tml_add_n_elements_f32(params, input, output);
}

TML_KERNEL void tml_add_n_10_f32(const tml_add_n_params_f32 *params, const float *input0,
                                 const float *input1, const float *input2, const float *input3,
                                 const float *input4, const float *input5, const float *input6,
                                 const float *input7, const float *input8, const float *input9,
                                 float *output)
{
    const float *const input[10]
        = {input0, input1, input2, input3, input4, input5, input6, input7, input8, input9};
    tml_add_n_elements_f32(params, input, output);
}

#endif
