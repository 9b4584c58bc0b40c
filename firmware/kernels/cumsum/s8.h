/* CUMSUM, int8: sums of all elements up to each, along an axis.
 *
 *   output[outer][k][inner] = clamp(requantise((sum of input[outer][j][inner] + (n + 1) * input_offset)
 *                                   * 2^19, requant) + output_offset)
 *
 * over the n first j up to k, or below k when is_exclusive; from the end backwards when is_reversed.
 * The sum begins with an input offset too many, as in TFLM, and wraps. The output may be the input, in
 * place. Source: TensorFlow Lite, reference_ops::CumSum, 8 bits.
 */
#ifndef TML_CUMSUM_S8_H
#define TML_CUMSUM_S8_H

#include "tml_fixedpoint.h"

typedef struct {
    int32_t outer;
    int32_t depth; /* of the axis */
    int32_t inner;
    bool is_exclusive;
    bool is_reversed;
    int32_t input_offset;
    int32_t output_offset;
    tml_requant requant; /* shift <= 0 */
} tml_cumsum_params;

TML_KERNEL int8_t tml_cumsum_output(const tml_cumsum_params *params, int32_t sum)
{
    const int32_t wide = (int32_t)((uint32_t)sum << 19);
    const int32_t scaled = tml_requantise(wide, params->requant.multiplier, params->requant.shift);
    return (int8_t)tml_clamp_to(scaled + params->output_offset, -128, 127);
}

TML_KERNEL void tml_cumsum_s8(const tml_cumsum_params *params, const int8_t *input, int8_t *output)
{
    const int32_t step = params->is_reversed ? -params->inner : params->inner;
    for (int32_t outer = 0; outer < params->outer; ++outer) {
        for (int32_t inner = 0; inner < params->inner; ++inner) {
            int32_t at = (outer * params->depth + (params->is_reversed ? params->depth - 1 : 0))
                    * params->inner
                + inner;
            int32_t sum = params->input_offset;
            for (int32_t k = 0; k < params->depth; ++k) {
                const int32_t before = sum;
                sum += input[at] + params->input_offset;
                output[at] = tml_cumsum_output(params, params->is_exclusive ? before : sum);
                at += step;
            }
        }
    }
}

#endif
