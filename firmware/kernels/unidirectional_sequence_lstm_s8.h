/* UNIDIRECTIONAL_SEQUENCE_LSTM, int8 inputs, outputs and weights, int16 cell.
 *
 *   gate[g] = saturate(requantise(bias[g][0] + sum of x[k] * w[g][k])
 *                      + requantise(bias[g][1] + sum of h[k] * w[g][in_features + k]))
 *
 * for the gates input, forget, new value, output of each unit, h being the unit's outputs of the step
 * before; then lstm_cell.h. Zero points are folded into the biases.
 *
 * Layouts: input and output in any order of batch and step; weights [unit][gate][in_features + units],
 * bias [unit][gate][2], hidden [batch][unit] (the last outputs) and cell [batch][unit] are read and
 * written. The output must not share memory with the input: its last step is read again.
 */
#ifndef TML_UNIDIRECTIONAL_SEQUENCE_LSTM_S8_H
#define TML_UNIDIRECTIONAL_SEQUENCE_LSTM_S8_H

#include "lstm_cell.h"

typedef struct {
    int32_t batches;
    int32_t steps;
    int32_t in_features;
    int32_t units;
    int32_t input_stride[2];  /* bytes from one batch and from one step to the next */
    int32_t output_stride[2];
    int32_t multiplier[8];    /* of the sums over inputs, for each gate; then over outputs */
    int32_t shift[8];
    tml_lstm_cell cell;
} tml_lstm_params;

TML_KERNEL int32_t tml_lstm_sum(const int8_t *values, const int8_t *weights, int32_t count,
                                int32_t sum)
{
    for (int32_t k = 0; k < count; ++k) {
        sum += values[k] * weights[k];
    }
    return sum;
}

/* One step of one batch. */
TML_KERNEL void tml_lstm_step(const tml_lstm_params *params,
                              const int8_t *input, const int8_t *before, const int8_t *weights,
                              const int32_t *bias, const int16_t *table, int16_t *cell,
                              int8_t *output)
{
    for (int32_t unit = 0; unit < params->units; ++unit) {
        int32_t gates[4];
        for (int32_t gate = 0; gate < 4; ++gate) {
            const int32_t from_input = tml_lstm_sum(input, weights, params->in_features, bias[0]);
            weights += params->in_features;
            const int32_t from_output = tml_lstm_sum(before, weights, params->units, bias[1]);
            weights += params->units;
            bias += 2;
            gates[gate] = tml_lstm_saturate(
                tml_lstm_saturate(
                    tml_requantise(from_input, params->multiplier[gate], params->shift[gate])) +
                tml_lstm_saturate(tml_requantise(from_output, params->multiplier[4 + gate],
                                                 params->shift[4 + gate])));
        }
        output[unit] = (int8_t)tml_lstm_unit(&params->cell, table, gates, &cell[unit]);
    }
}

TML_KERNEL void tml_unidirectional_sequence_lstm_s8(const tml_lstm_params *params,
                                                    const int8_t *input, const int8_t *weights,
                                                    const int32_t *bias, const int16_t *table,
                                                    int8_t *hidden, int16_t *cell, int8_t *output)
{
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        const int8_t *from = input + batch * params->input_stride[0];
        const int8_t *before = hidden;
        int8_t *to = output + batch * params->output_stride[0];
        for (int32_t step = 0; step < params->steps; ++step) {
            tml_lstm_step(params, from, before, weights, bias, table, cell, to);
            before = to;
            from += params->input_stride[1];
            to += params->output_stride[1];
        }
        memcpy(hidden, before, (size_t)params->units);
        hidden += params->units;
        cell += params->units;
    }
}

#endif
