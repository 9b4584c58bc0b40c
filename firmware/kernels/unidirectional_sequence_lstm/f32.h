/* UNIDIRECTIONAL_SEQUENCE_LSTM of floats.
 *
 *   gate[g] = (sum of x[k] * w[k][g] + bias[g]) + sum of h[k] * w[in_features + k][g]
 *
 * for the gates input, forget, new value, output of each unit, h being the unit's outputs of the step
 * before; then
 *
 *   cell = clip(sigmoid(forget) * cell + sigmoid(input) * tanh(value))
 *   output = tanh(cell) * sigmoid(output)
 *
 * in this order; sums and products that are infinite become the largest number. Layouts as in s8.h, with
 * one bias [unit][gate]; strides count elements. Source: TensorFlow Lite Micro, lstm_eval.h.
 */
#ifndef TML_UNIDIRECTIONAL_SEQUENCE_LSTM_F32_H
#define TML_UNIDIRECTIONAL_SEQUENCE_LSTM_F32_H

#include "kernels/types/f32.h"
#include "kernels/types/math_f32.h"

typedef struct {
    int32_t batches;
    int32_t steps;
    int32_t in_features;
    int32_t units;
    int32_t input_stride[2]; /* elements from one batch and from one step to the next */
    int32_t output_stride[2];
    bool is_clipped; /* whether the cell stays between the bounds of clip */
    tml_clamp_f32 clip;
    tml_clamp_f32 finite; /* least and largest number */
} tml_lstm_params_f32;

/* The sums of a unit's four gates over one row. */
TML_KERNEL void tml_lstm_float_sums(const float *values, const float *weights, int32_t count,
                                    float sums[4])
{
    float a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f;
    TML_ROLLED
    for (const float *const end = values + count; values != end; ++values) {
        a += *values * weights[0];
        b += *values * weights[1];
        c += *values * weights[2];
        d += *values * weights[3];
        weights += 4;
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

/* The output of one unit. */
TML_KERNEL float tml_lstm_float_made(const tml_lstm_params_f32 *params, const float gates[4],
                                     float *cell)
{
    const float kept = TML_CLAMPED_f32(tml_float_logistic(gates[1]) * *cell, params->finite);
    const float added
        = TML_CLAMPED_f32(tml_float_logistic(gates[0]) * tml_float_tanh(gates[2]), params->finite);
    const float sum = kept + added;
    *cell = params->is_clipped ? TML_CLAMPED_f32(sum, params->clip) : sum;
    return TML_CLAMPED_f32(tml_float_tanh(*cell) * tml_float_logistic(gates[3]), params->finite);
}

/* One step of one batch. */
TML_KERNEL void tml_lstm_float_step(const tml_lstm_params_f32 *params, const float *input,
                                    const float *before, const float *weights, const float *bias,
                                    float *cell, float *output)
{
    TML_ROLLED
    for (int32_t unit = 0; unit < params->units; ++unit) {
        float of_input[4], of_output[4], gates[4];
        tml_lstm_float_sums(input, weights, params->in_features, of_input);
        weights += 4 * params->in_features;
        tml_lstm_float_sums(before, weights, params->units, of_output);
        weights += 4 * params->units;
        TML_ROLLED
        for (int32_t gate = 0; gate < 4; ++gate) {
            gates[gate] = TML_CLAMPED_f32(of_input[gate] + *bias++, params->finite)
                + TML_CLAMPED_f32(of_output[gate], params->finite);
        }
        output[unit] = tml_lstm_float_made(params, gates, &cell[unit]);
    }
}

TML_KERNEL void tml_unidirectional_sequence_lstm_f32(const tml_lstm_params_f32 *params,
                                                     const float *input, const float *weights,
                                                     const float *bias, float *hidden, float *cell,
                                                     float *output)
{
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        const float *from = input + batch * params->input_stride[0];
        float *to = output + batch * params->output_stride[0];
        for (int32_t step = 0; step < params->steps; ++step) {
            tml_lstm_float_step(params, from, hidden, weights, bias, cell, to);
            memcpy(hidden, to, (size_t)params->units * sizeof *hidden);
            from += params->input_stride[1];
            to += params->output_stride[1];
        }
        hidden += params->units;
        cell += params->units;
    }
}

#endif
