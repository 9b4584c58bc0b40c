/* ADD_N, int8: the sum of several inputs of one quantisation, element by element.
 *
 *   output = clamp(requantise((sum of input_k + sum_offset) * 2^19, requant) + output_offset)
 *
 * The sum is one input offset beyond those of the inputs, as in TFLM: it begins with it. One kernel per
 * number of inputs that it takes; those that are not used are `count` and more. The output may be an
 * input, in place. Source: TensorFlow Lite, reference_ops::AddN, 8 bits.
 */
#ifndef TML_ADD_N_S8_H
#define TML_ADD_N_S8_H

#include "tml_fixedpoint.h"

typedef struct {
    int32_t elements;
    int32_t count;      /* of inputs */
    int32_t sum_offset; /* (count + 1) times an input's */
    int32_t output_offset;
    tml_requant requant; /* shift <= 0 */
} tml_add_n_params;

TML_KERNEL void tml_add_n_elements(const tml_add_n_params *params, const int8_t *const *input,
                                   int8_t *output)
{
    for (int32_t i = 0; i < params->elements; ++i) {
        int32_t sum = params->sum_offset;
        for (int32_t k = 0; k < params->count; ++k) {
            sum += input[k][i];
        }
        const int32_t scaled
            = tml_requantise(sum * (1 << 19), params->requant.multiplier, params->requant.shift);
        output[i] = (int8_t)tml_clamp_to(scaled + params->output_offset, -128, 127);
    }
}

TML_KERNEL void tml_add_n_4_s8(const tml_add_n_params *params, const int8_t *input0,
                               const int8_t *input1, const int8_t *input2, const int8_t *input3,
                               int8_t *output)
{
    const int8_t *const input[4] = {input0, input1, input2, input3};
    tml_add_n_elements(params, input, output);
}

TML_KERNEL void tml_add_n_10_s8(const tml_add_n_params *params, const int8_t *input0,
                                const int8_t *input1, const int8_t *input2, const int8_t *input3,
                                const int8_t *input4, const int8_t *input5, const int8_t *input6,
                                const int8_t *input7, const int8_t *input8, const int8_t *input9,
                                int8_t *output)
{
    const int8_t *const input[10]
        = {input0, input1, input2, input3, input4, input5, input6, input7, input8, input9};
    tml_add_n_elements(params, input, output);
}

#endif
