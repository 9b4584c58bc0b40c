/* UNIDIRECTIONAL_SEQUENCE_LSTM, int8 inputs, outputs and weights, int16 cell.
 *
 *   gate[g] = saturate(requantise(bias[0][g] + sum of x[k] * w[k][g])
 *                      + requantise(bias[1][g] + sum of h[k] * w[in_features + k][g]))
 *
 * for the gates input, forget, new value, output of each unit, h being the unit's outputs of the step
 * before; then cell.h. Zero points are folded into the biases.
 *
 * Layouts: input and output in any order of batch and step; weights [unit][in_features + units][gate],
 * bias [unit][2][gate], hidden [batch][unit] (the last outputs) and cell [batch][unit] are read and
 * written. Steps of the output may lie over one another (a stride of 0), so that the last one remains;
 * it must not share memory with the input.
 */
#ifndef TML_UNIDIRECTIONAL_SEQUENCE_LSTM_S8_H
#define TML_UNIDIRECTIONAL_SEQUENCE_LSTM_S8_H

#include "kernels/unidirectional_sequence_lstm/cell.h"

typedef struct {
    int32_t batches;
    int32_t steps;
    int32_t in_features;
    int32_t units;
    int32_t input_stride[2]; /* bytes from one batch and from one step to the next */
    int32_t output_stride[2];
    int32_t multiplier[8]; /* of the sums over inputs, for each gate; then over outputs */
    int32_t shift[8];
    bool shifts_right; /* whether tml_requantise_right serves all of them */
    tml_lstm_cell cell;
} tml_lstm_params;

/* The sums of a unit's four gates over one row; each value is loaded once for all of them. */
TML_KERNEL const int8_t *tml_lstm_sums(const int8_t *values, const int8_t *weights, int32_t count,
                                       int32_t sums[4])
{
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    TML_ROLLED
    for (const int8_t *const end = values + count; values != end; ++values) {
        const int32_t value = *values;
        a += value * weights[0];
        b += value * weights[1];
        c += value * weights[2];
        d += value * weights[3];
        weights += 4;
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
    return weights;
}

/* A sum before gate number `index` (over outputs: 4 + gate) in 16 bits. */
TML_KERNEL int32_t tml_lstm_scaled(const tml_lstm_params *params, int32_t index, int32_t sum)
{
    const int32_t multiplier = params->multiplier[index], shift = params->shift[index];
    return tml_lstm_saturate(params->shifts_right ? tml_requantise_right(sum, multiplier, shift)
                                                  : tml_requantise(sum, multiplier, shift));
}

/* One step of one batch. */
TML_KERNEL void tml_lstm_step(const tml_lstm_params *params, const int8_t *input,
                              const int8_t *before, const int8_t *weights, const int32_t *bias,
                              const int16_t *table, int16_t *cell, int8_t *output)
{
    TML_ROLLED
    for (int32_t unit = 0; unit < params->units; ++unit) {
        int32_t of_input[4], of_output[4], gates[4];
        memcpy(of_input, bias, sizeof of_input);
        memcpy(of_output, bias + 4, sizeof of_output);
        bias += 8;
        weights = tml_lstm_sums(input, weights, params->in_features, of_input);
        weights = tml_lstm_sums(before, weights, params->units, of_output);
        for (int32_t gate = 0; gate < 4; ++gate) {
            gates[gate] = tml_lstm_saturate(tml_lstm_scaled(params, gate, of_input[gate])
                                            + tml_lstm_scaled(params, 4 + gate, of_output[gate]));
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
        int8_t *to = output + batch * params->output_stride[0];
        for (int32_t step = 0; step < params->steps; ++step) {
            tml_lstm_step(params, from, hidden, weights, bias, table, cell, to);
            memcpy(hidden, to, (size_t)params->units);
            from += params->input_stride[1];
            to += params->output_stride[1];
        }
        hidden += params->units;
        cell += params->units;
    }
}

#endif
