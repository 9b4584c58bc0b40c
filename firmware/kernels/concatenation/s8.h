/* CONCATENATION, int8: the output is `rows` times the next run of each input, in order.
 *
 * run[k] is the length in bytes of input k's part of a row, 0 where an input is not used. One kernel
 * per number of inputs that it takes; TensorFlow Lite Micro allows ten, hence the long parameter list.
 * With a single row, input 0 may lie where the output begins.
 */
#ifndef TML_CONCATENATION_S8_H
#define TML_CONCATENATION_S8_H

#include "tml.h"

typedef struct {
    int32_t rows;
    int32_t run[2];
} tml_concatenation_2_params;

typedef struct {
    int32_t rows;
    int32_t run[4];
} tml_concatenation_4_params;

typedef struct {
    int32_t rows;
    int32_t run[10];
} tml_concatenation_10_params;

TML_KERNEL void tml_concatenation_rows(int32_t rows, const int32_t *run, int32_t count,
                                       const int8_t **input, int8_t *output)
{
    for (int32_t row = 0; row < rows; ++row) {
        for (int32_t k = 0; k < count; ++k) {
            if (run[k] > 0 && input[k] != output) {
                memmove(output, input[k], (size_t)run[k]);
            }
            input[k] += run[k];
            output += run[k];
        }
    }
}

TML_KERNEL void tml_concatenation_2_s8(const tml_concatenation_2_params *params,
                                       const int8_t *input0, const int8_t *input1, int8_t *output)
{
    const int8_t *input[2] = {input0, input1};
    tml_concatenation_rows(params->rows, params->run, 2, input, output);
}

TML_KERNEL void tml_concatenation_4_s8(const tml_concatenation_4_params *params,
                                       const int8_t *input0, const int8_t *input1,
                                       const int8_t *input2, const int8_t *input3, int8_t *output)
{
    const int8_t *input[4] = {input0, input1, input2, input3};
    tml_concatenation_rows(params->rows, params->run, 4, input, output);
}

TML_KERNEL void tml_concatenation_10_s8(const tml_concatenation_10_params *params,
                                        const int8_t *input0, const int8_t *input1,
                                        const int8_t *input2, const int8_t *input3,
                                        const int8_t *input4, const int8_t *input5,
                                        const int8_t *input6, const int8_t *input7,
                                        const int8_t *input8, const int8_t *input9, int8_t *output)
{
    const int8_t *input[10]
        = {input0, input1, input2, input3, input4, input5, input6, input7, input8, input9};
    tml_concatenation_rows(params->rows, params->run, 10, input, output);
}

#endif
