/* L2_NORMALIZATION, int8: each row divided by the root of the sum of its squares, in units of 1/128.
 *
 * The inverse root is a multiplier and a shift (kernels/types/inverse_root.h). Rows of at most 2^15 elements: the sum of squares fits 31 bits. The
 * output may be the input, in place.
 * Source: TensorFlow Lite, reference_integer_ops::L2Normalization, GetInvSqrtQuantizedMultiplierExp.
 */
#ifndef TML_L2_NORMALIZATION_S8_H
#define TML_L2_NORMALIZATION_S8_H

#include "kernels/types/inverse_root.h"

typedef struct {
    int32_t rows;
    int32_t depth;
    int32_t input_offset;
} tml_l2_normalization_params;

TML_KERNEL void tml_l2_normalization_s8(const tml_l2_normalization_params *params,
                                        const int8_t *input, int8_t *output)
{
    for (int32_t row = 0; row < params->rows; ++row) {
        int32_t sum = 0;
        for (int32_t i = 0; i < params->depth; ++i) {
            const int32_t value = input[i] + params->input_offset;
            sum += value * value;
        }
        const tml_requant root = tml_inverse_root(sum);
        for (int32_t i = 0; i < params->depth; ++i) {
            const int32_t value = input[i] + params->input_offset;
            const int32_t scaled = tml_requantise(value, root.multiplier, root.shift + 7);
            output[i] = (int8_t)tml_clamp_to(scaled, -128, 127);
        }
        input += params->depth;
        output += params->depth;
    }
}

#endif
