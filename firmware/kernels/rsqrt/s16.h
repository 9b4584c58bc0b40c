/* RSQRT of int16 values; int8 values have tables.
 *
 *   output = clamp(requantise(2^20 / sqrt(input)))
 *
 * and the greatest value where the input is not positive; the zero points are 0. requant.shift is not
 * positive. The output may be the input, in place.
 * Source of the arithmetic: TensorFlow Lite Micro, RsqrtEvalQuantized, which stops below 0.
 */
#ifndef TML_RSQRT_S16_H
#define TML_RSQRT_S16_H

#include "kernels/types/inverse_root.h"

typedef struct {
    int32_t count;
    tml_requant requant; /* of the inverse root times 2^20 */
} tml_rsqrt_params;

TML_KERNEL void tml_rsqrt_s16(const tml_rsqrt_params *params, const int16_t *input, int16_t *output)
{
    TML_ROLLED
    for (int32_t i = 0; i < params->count; ++i) {
        if (input[i] <= 0) {
            output[i] = INT16_MAX;
            continue;
        }
        const tml_requant inverse = tml_inverse_root(input[i]);
        const int32_t root = tml_requantise(1, inverse.multiplier, inverse.shift + 20);
        const int32_t scaled
            = tml_requantise(root, params->requant.multiplier, params->requant.shift);
        output[i] = (int16_t)tml_clamp_to(scaled, INT16_MIN, INT16_MAX);
    }
}

#endif
