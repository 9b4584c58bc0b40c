/* UNIDIRECTIONAL_SEQUENCE_LSTM, int16 inputs, outputs and cell, int8 weights.
 *
 * As s8.h, with sums of 64 bits, which tml_requantise_wide brings to 16: multipliers have 15 bits, shifts
 * are to the right. All zero points are 0. Strides count elements.
 */
#ifndef TML_UNIDIRECTIONAL_SEQUENCE_LSTM_S16_H
#define TML_UNIDIRECTIONAL_SEQUENCE_LSTM_S16_H

#include "kernels/unidirectional_sequence_lstm/s8.h"

typedef tml_lstm_params tml_lstm_s16_params;

/* The sums of a unit's four gates over one row. */
TML_KERNEL const int8_t *tml_lstm_wide_sums(const int16_t *values, const int8_t *weights,
                                            int32_t count, int64_t sums[4])
{
    TML_ROLLED
    for (const int16_t *const end = values + count; values != end; ++values) {
        for (int32_t gate = 0; gate < 4; ++gate) {
            sums[gate] += *values * weights[gate];
        }
        weights += 4;
    }
    return weights;
}

/* One step of one batch. */
TML_KERNEL void tml_lstm_wide_step(const tml_lstm_s16_params *params, const int16_t *input,
                                   const int16_t *before, const int8_t *weights,
                                   const int64_t *bias, const int16_t *table, int16_t *cell,
                                   int16_t *output)
{
    TML_ROLLED
    for (int32_t unit = 0; unit < params->units; ++unit) {
        int64_t of_input[4], of_output[4];
        int32_t gates[4];
        memcpy(of_input, bias, sizeof of_input);
        memcpy(of_output, bias + 4, sizeof of_output);
        bias += 8;
        weights = tml_lstm_wide_sums(input, weights, params->in_features, of_input);
        weights = tml_lstm_wide_sums(before, weights, params->units, of_output);
        for (int32_t gate = 0; gate < 4; ++gate) {
            const int32_t first = tml_requantise_wide(of_input[gate], params->multiplier[gate],
                                                      params->shift[gate]);
            const int32_t second = tml_requantise_wide(
                of_output[gate], params->multiplier[4 + gate], params->shift[4 + gate]);
            gates[gate] = tml_lstm_saturate(tml_lstm_saturate(first) + tml_lstm_saturate(second));
        }
        output[unit]
            = (int16_t)tml_lstm_saturate(tml_lstm_made(&params->cell, table, gates, &cell[unit]));
    }
}

TML_KERNEL void tml_unidirectional_sequence_lstm_s16(const tml_lstm_s16_params *params,
                                                     const int16_t *input, const int8_t *weights,
                                                     const int64_t *bias, const int16_t *table,
                                                     int16_t *hidden, int16_t *cell,
                                                     int16_t *output)
{
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        const int16_t *from = input + batch * params->input_stride[0];
        int16_t *to = output + batch * params->output_stride[0];
        for (int32_t step = 0; step < params->steps; ++step) {
            tml_lstm_wide_step(params, from, hidden, weights, bias, table, cell, to);
            memcpy(hidden, to, (size_t)params->units * sizeof *hidden);
            from += params->input_stride[1];
            to += params->output_stride[1];
        }
        hidden += params->units;
        cell += params->units;
    }
}

#endif
