/* FULLY_CONNECTED in plain C, valid for every layer.
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
    bool shifts_right; /* tml_requantise_right is valid for all outputs */
    int32_t output_offset;
    tml_clamp clamp;
} tml_fully_connected_params;

/* Adds the products of `count` rows of weights, 1 or 4, with the inputs to sums. */
TML_KERNEL void tml_fully_connected_dot(const tml_fully_connected_params *params,
                                        const int8_t *input, const int8_t *weights, int32_t count,
                                        int32_t *sums)
{
    const int32_t next = params->in_features;
    const int8_t *end = input + params->in_features;
    TML_OPAQUE(input);
    TML_OPAQUE(weights);
    TML_OPAQUE(end);
    TML_ROLLED
    for (; input != end; ++input, ++weights) {
        const int32_t value = *input;
        sums[0] += value * weights[0];
        if (count == 4) {
            sums[1] += value * weights[next];
            sums[2] += value * weights[2 * next];
            sums[3] += value * weights[3 * next];
        }
    }
}

TML_KERNEL int8_t tml_fully_connected_output(const tml_fully_connected_params *params, int32_t sum,
                                             int32_t multiplier, int32_t shift)
{
    const int32_t scaled = params->shifts_right ? tml_requantise_right(sum, multiplier, shift)
                                                : tml_requantise(sum, multiplier, shift);
    return (int8_t)tml_clamp_to(scaled + params->output_offset, params->clamp.min,
                                params->clamp.max);
}

TML_KERNEL void tml_fully_connected_s8(const tml_fully_connected_params *params,
                                       const int8_t *input, const int8_t *weights,
                                       const int32_t *bias, const int32_t *multiplier,
                                       const int8_t *shift, int8_t *output)
{
    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        const int8_t *w = weights;
        int32_t out = 0;
        TML_ROLLED
        for (; out < (params->out_features & ~3); out += 4) {
            int32_t sums[4] = {bias[out], bias[out + 1], bias[out + 2], bias[out + 3]};
            tml_fully_connected_dot(params, input, w, 4, sums);
            TML_ROLLED
            for (int32_t i = 0; i < 4; ++i) {
                const int32_t k = params->per_channel ? out + i : 0;
                output[out + i]
                    = tml_fully_connected_output(params, sums[i], multiplier[k], shift[k]);
            }
            w += 4 * params->in_features;
        }
        TML_ROLLED
        for (; out < params->out_features; ++out) {
            const int32_t k = params->per_channel ? out : 0;
            int32_t sum = bias[out];
            tml_fully_connected_dot(params, input, w, 1, &sum);
            output[out] = tml_fully_connected_output(params, sum, multiplier[k], shift[k]);
            w += params->in_features;
        }
        input += params->in_features;
        output += params->out_features;
    }
}

#endif
