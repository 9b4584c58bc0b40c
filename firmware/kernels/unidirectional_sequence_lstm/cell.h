/* What LSTM kernels share: the functions of the gates and the step of one unit, in 16 bits.
 *
 * sigmoid and tanh interpolate in one table of 258 entries, 2^16 * sigmoid(i / 24) - 2^15, the last two
 * of them what tanh is beyond; the arguments have 12 fraction bits, the results 15. Both are odd about
 * their middle: ~x in place of -x where the argument is negative is what the reference's rounding comes
 * to (tinyml/ir/gates.py).
 */
#ifndef TML_LSTM_CELL_H
#define TML_LSTM_CELL_H

#include "tml_fixedpoint.h"

/* How a unit's gates become its cell and its output. */
typedef struct {
    int32_t tanh_shift;  /* the cell's argument of tanh, to the left; negative: to the right */
    int32_t clip;        /* the cell stays between -clip and clip */
    int32_t input_shift; /* input gate * new value -> cell: a factor of 2^-(input_shift + 1) */
    tml_requant output;  /* output gate * tanh(cell) -> output; only to the right */
    int32_t output_offset;
} tml_lstm_cell;

TML_KERNEL int32_t tml_lstm_saturate(int32_t x)
{
    return tml_clamp_to(x, INT16_MIN, INT16_MAX);
}

/* x * 2^-(shift + 1), rounded twice as tml_requantise() does with a multiplier of 2^30; shift >= 1. */
TML_KERNEL int32_t tml_lstm_halved(int32_t x, int32_t shift)
{
    const int32_t high = (x + 1) >> 1;
    return (high + (INT32_C(1) << (shift - 1)) + (high >> 31)) >> shift;
}

/* The table between entries `at >> bits` and the next, times 2^bits. */
TML_KERNEL int32_t tml_lstm_between(const int16_t *table, uint32_t at, int32_t bits)
{
    const int16_t *entry = table + (at >> bits);
    const int32_t rest = (int32_t)(at & ((UINT32_C(1) << bits) - 1u));
    return entry[0] * ((1 << bits) - rest) + entry[1] * rest;
}

TML_KERNEL int32_t tml_lstm_sigmoid(const int16_t *table, int32_t x)
{
    const int32_t sign = x >> 31;
    const uint32_t at
        = (uint32_t)(3 * ((x ^ sign) - sign)); /* at most 3 * 2^15: inside of the table */
    return ((tml_lstm_between(table, at, 9) ^ sign) + (1 << 24) + (1 << 9)) >> 10;
}

/* Of an argument that was multiplied by 3. */
TML_KERNEL int32_t tml_lstm_tanh(const int16_t *table, int32_t x3)
{
    const int32_t sign = x3 >> 31;
    uint32_t at = (uint32_t)((x3 ^ sign) - sign);
    at = at >= 255u << 8 ? 256u << 8 : at;
    return ((tml_lstm_between(table, at, 8) ^ sign) + (1 << 7)) >> 8;
}

/* One unit: gates[] are the sums before input, forget, new value, output. Returns the output before it
 * is cut to its type. */
TML_KERNEL int32_t tml_lstm_made(const tml_lstm_cell *params, const int16_t *table,
                                 const int32_t gates[4], int16_t *cell)
{
    const int32_t input = tml_lstm_sigmoid(table, gates[0]);
    const int32_t forget = tml_lstm_sigmoid(table, gates[1]);
    const int32_t value = tml_lstm_tanh(table, 3 * gates[2]);
    const int32_t output = tml_lstm_sigmoid(table, gates[3]);
    const int32_t kept = tml_lstm_halved(forget * *cell, 14);
    const int32_t added = tml_lstm_halved(input * value, params->input_shift);
    const int32_t sum = tml_lstm_saturate(kept + tml_lstm_saturate(added));
    const int32_t next = tml_clamp_to(sum, -params->clip, params->clip);
    *cell = (int16_t)next;
    const int32_t right = params->tanh_shift < 0 ? -params->tanh_shift : 0;
    const int32_t x3 = params->tanh_shift < 0 ? (next * 3 + ((1 << right) >> 1)) >> right
                                              : next * (3 << params->tanh_shift);
    const int32_t made = tml_requantise_right(output * tml_lstm_tanh(table, x3),
                                              params->output.multiplier, params->output.shift);
    return made + params->output_offset;
}

/* The same; returns the int8 output. */
TML_KERNEL int32_t tml_lstm_unit(const tml_lstm_cell *params, const int16_t *table,
                                 const int32_t gates[4], int16_t *cell)
{
    return tml_clamp_to(tml_lstm_made(params, table, gates, cell), INT8_MIN, INT8_MAX);
}

#endif
