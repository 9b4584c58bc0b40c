/* fully_connected_s8.h: FULLY_CONNECTED in plain C, valid for every layer.
 *
 * out[b, o] = clamp(rescale(bias[o] + sum over i of w[o, i] * in[b, i]) + offset)
 *
 * The bias has had zero_point * sum(w) taken away beforehand, so inputs need no offset. Weights are
 * output-major. Rows of outputs are finished one after the other; four outputs at a time share each
 * loaded input. multiplier and shift have one element when !per_channel.
 */
#ifndef TML_FULLY_CONNECTED_S8_H
#define TML_FULLY_CONNECTED_S8_H

#include "tml.h"
#include "tml_fixedpoint.h"

typedef struct {
    int32_t batches;
    int32_t in_features;
    int32_t out_features;
    bool per_channel;
    int32_t output_offset;
    tml_clamp clamp;
} tml_fully_connected_params;

/* Adds the products of `count` rows of weights, 1 or 4, with the inputs to sums. */
TML_KERNEL void tml_fully_connected_dot(const tml_fully_connected_params *params,
                                        const int8_t *input, const int8_t *weights, int32_t count,
                                        int32_t *sums)
{
    const int32_t next = params->in_features;
    int32_t sum_0 = sums[0];
    int32_t sum_1 = count > 1 ? sums[1] : 0;
    int32_t sum_2 = count > 1 ? sums[2] : 0;
    int32_t sum_3 = count > 1 ? sums[3] : 0;
    TML_ROLLED
    for (int32_t i = 0; i < params->in_features; ++i) {
        const int32_t value = input[i];
        sum_0 += value * weights[i];
        if (count > 1) {
            sum_1 += value * weights[i + next];
            sum_2 += value * weights[i + 2 * next];
            sum_3 += value * weights[i + 3 * next];
        }
    }
    sums[0] = sum_0;
    if (count > 1) {
        sums[1] = sum_1;
        sums[2] = sum_2;
        sums[3] = sum_3;
    }
}

TML_KERNEL void tml_fully_connected_s8(const tml_fully_connected_params *params,
                                       const int8_t *input, const int8_t *weights,
                                       const int32_t *bias, const int32_t *multiplier,
                                       const int8_t *shift, int8_t *output)
{
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t out = 0; out < params->out_features;) {
            const int32_t count = params->out_features - out >= 4 ? 4 : 1;
            const int8_t *rows = weights + out * params->in_features;
            int32_t sums[4] = {0, 0, 0, 0};
            if (count == 4) {
                tml_fully_connected_dot(params, input, rows, 4, sums);
            } else {
                tml_fully_connected_dot(params, input, rows, 1, sums);
            }
            TML_ROLLED
            for (int32_t i = 0; i < count; ++i, ++out) {
                const int32_t k = params->per_channel ? out : 0;
                const int32_t scaled = tml_requantise(sums[i] + bias[out], multiplier[k], shift[k])
                    + params->output_offset;
                output[out] = (int8_t)tml_clamp_to(scaled, params->clamp.min, params->clamp.max);
            }
        }
        input += params->in_features;
        output += params->out_features;
    }
}

#endif
