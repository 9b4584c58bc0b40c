/* UNIDIRECTIONAL_SEQUENCE_LSTM, int8, for Helium; see the plain kernel for what it computes.
 *
 *   gates of a unit      i f g o        four sums over 16 products per VMLADAVA, as in
 *   over the inputs      s s s s        fully_connected_s8.h; rescaled as one vector, cut to 16
 *   over the outputs   + s s s s        bits, added with saturation, stored side by side
 *   eight units          VLD4: i0..i7 | f0..f7 | g0..g7 | o0..o7, then even and odd lanes in 32 bits
 *
 * sigmoid and tanh gather two entries of the table for each of four lanes; what they give is that of
 * kernels/unidirectional_sequence_lstm/cell.h, step by step.
 *
 * Weights: per unit blocks of 16 inputs, of the four gates in turn, filled up with zeros; then the same
 * of the outputs of the step before. Bias: [unit][2][gate], zero points folded in. Scratch: both rows
 * filled up to 16 bytes, then four halfwords per unit, of a multiple of 8 units.
 * Cost: per step 60 instructions, per unit 45 and 10 per block, per eight units 220.
 */
#ifndef TML_MVE_UNIDIRECTIONAL_SEQUENCE_LSTM_S8_H
#define TML_MVE_UNIDIRECTIONAL_SEQUENCE_LSTM_S8_H

#include "kernels/mve/gemm.h"
#include "kernels/unidirectional_sequence_lstm/s8.h"

typedef struct {
    int32_t blocks[2]; /* of 16 inputs, and of outputs */
    bool shifts_left;  /* whether some gate's factor does */
    tml_lstm_params layer;
} tml_mve_lstm_params;

/* How the four gates' sums over one row are rescaled. */
typedef struct {
    int32x4_t multiplier;
    int32x4_t left;
    int32x4_t right; /* not positive */
} tml_mve_gate_factors;

TML_KERNEL tml_mve_gate_factors tml_mve_gate_factors_of(const tml_lstm_params *layer, int32_t row)
{
    const int32x4_t shift = vldrwq_s32(layer->shift + 4 * row), none = vdupq_n_s32(0);
    const tml_mve_gate_factors factors = {vldrwq_s32(layer->multiplier + 4 * row),
                                          vmaxq_s32(shift, none), vminq_s32(shift, none)};
    return factors;
}

/* The sums of a unit's gates over one row, in 16 bits: the lower halves of the lanes. */
TML_KERNEL int16x8_t tml_mve_gates(const tml_mve_lstm_params *params, const int8_t *x,
                                   int32_t blocks, const int8_t *weights, const int32_t *bias,
                                   const tml_mve_gate_factors *factors)
{
    static const tml_mve_rescale_params rescale = {.adds_sign = true};
    int32_t a = 0, b = 0, c = 0, d = 0;
    for (; blocks > 0; --blocks) {
        const int8x16_t inputs = vldrbq_s8(x);
        a = vmladavaq_s8(a, inputs, vldrbq_s8(weights));
        b = vmladavaq_s8(b, inputs, vldrbq_s8(weights + 16));
        c = vmladavaq_s8(c, inputs, vldrbq_s8(weights + 32));
        d = vmladavaq_s8(d, inputs, vldrbq_s8(weights + 48));
        weights += 64;
        x += 16;
    }
    int32x4_t sums = vaddq_s32(tml_mve_vector(a, b, c, d), vldrwq_s32(bias));
    if (params->shifts_left) {
        sums = vshlq_s32(sums, factors->left);
    }
    sums = tml_mve_rescale_by(&rescale, sums, factors->multiplier, factors->right);
    return vqmovnbq_s32(vdupq_n_s16(0), sums);
}

/* The table between entry `at >> bits` and the next, times 2^bits, with the sign of the argument. */
TML_KERNEL int32x4_t tml_mve_between(const int16_t *table, int32x4_t at, int32x4_t sign,
                                     int32_t bits)
{
    const uint32x4_t place = vreinterpretq_u32_s32(at);
    const uint32x4_t entry = bits == 9 ? vshrq_n_u32(place, 9) : vshrq_n_u32(place, 8);
    const int32x4_t rest = vandq_s32(at, vdupq_n_s32((1 << bits) - 1));
    const int32x4_t first = vldrhq_gather_shifted_offset_s32(table, entry);
    const int32x4_t next = vldrhq_gather_shifted_offset_s32(table + 1, entry);
    const int32x4_t way = vmulq_s32(vsubq_s32(next, first), rest);
    const int32x4_t base = bits == 9 ? vshlq_n_s32(first, 9) : vshlq_n_s32(first, 8);
    return veorq_s32(vaddq_s32(base, way), sign);
}

TML_KERNEL int32x4_t tml_mve_sigmoid(const int16_t *table, int32x4_t x)
{
    const int32x4_t at = vmulq_n_s32(vabsq_s32(x), 3);
    const int32x4_t found = tml_mve_between(table, at, vshrq_n_s32(x, 31), 9);
    return vrshrq_n_s32(vaddq_n_s32(found, 1 << 24), 10);
}

/* Of arguments that were multiplied by 3. */
TML_KERNEL int32x4_t tml_mve_tanh(const int16_t *table, int32x4_t x3)
{
    int32x4_t at = vabsq_s32(x3);
    at = vdupq_m_n_s32(at, 256 << 8, vcmpgeq_n_s32(at, 255 << 8));
    return vrshrq_n_s32(tml_mve_between(table, at, vshrq_n_s32(x3, 31), 8), 8);
}

/* x * 2^-(1 + shift), rounded twice as tml_lstm_halved() does. */
TML_KERNEL int32x4_t tml_mve_halved(int32x4_t x, int32_t shift)
{
    const int32x4_t high = vrshrq_n_s32(x, 1);
    return vrshlq_s32(vaddq_s32(high, vshrq_n_s32(high, 31)), vdupq_n_s32(-shift));
}

TML_KERNEL int32x4_t tml_mve_bounded(int32x4_t x, int32_t min, int32_t max)
{
    return vminq_s32(vmaxq_s32(x, vdupq_n_s32(min)), vdupq_n_s32(max));
}

/* Four units; returns the outputs before they are cut to their type. */
TML_KERNEL int32x4_t tml_mve_lstm_four(const tml_lstm_cell *params, const int16_t *table,
                                       const int32x4_t gates[4], int32x4_t *cell)
{
    static const tml_mve_rescale_params rescale = {.adds_sign = true};
    const int32x4_t value = tml_mve_tanh(table, vmulq_n_s32(gates[2], 3));
    const int32x4_t added = tml_mve_halved(
        vmulq_s32(tml_mve_sigmoid(table, gates[0]), value), params->input_shift);
    const int32x4_t kept
        = tml_mve_halved(vmulq_s32(tml_mve_sigmoid(table, gates[1]), *cell), 14);
    int32x4_t next = vaddq_s32(kept, tml_mve_bounded(added, INT16_MIN, INT16_MAX));
    next = tml_mve_bounded(next, INT16_MIN, INT16_MAX);
    if (params->clip <= INT16_MAX) {
        next = tml_mve_bounded(next, -params->clip, params->clip);
    }
    *cell = next;
    const int32x4_t x3 = params->tanh_shift < 0
        ? vrshlq_s32(vmulq_n_s32(next, 3), vdupq_n_s32(params->tanh_shift))
        : vmulq_n_s32(next, 3 << (params->tanh_shift < 0 ? 0 : params->tanh_shift));
    const int32x4_t product
        = vmulq_s32(tml_mve_sigmoid(table, gates[3]), tml_mve_tanh(table, x3));
    const int32x4_t made
        = tml_mve_rescale_by(&rescale, product, vdupq_n_s32(params->output.multiplier),
                             vdupq_n_s32(params->output.shift));
    return tml_mve_bounded(vaddq_n_s32(made, params->output_offset), INT8_MIN, INT8_MAX);
}

/* All units from their gates; the outputs go to two places. */
TML_KERNEL void tml_mve_lstm_units(const tml_lstm_params *layer, const int16_t *gates,
                                   const int16_t *table, int16_t *cell, int8_t *output,
                                   int8_t *again)
{
    TML_ROLLED
    for (int32_t rest = layer->units; rest > 0; rest -= 8) {
        const mve_pred16_t lanes = vctp16q((uint32_t)rest);
        const int16x8x4_t of = vld4q_s16(gates);
        int32x4_t even[4], odd[4];
        TML_UNROLLED
        for (int32_t gate = 0; gate < 4; ++gate) {
            even[gate] = vmovlbq_s16(of.val[gate]);
            odd[gate] = vmovltq_s16(of.val[gate]);
        }
        int16x8_t held = vldrhq_z_s16(cell, lanes);
        int32x4_t cells[2] = {vmovlbq_s16(held), vmovltq_s16(held)};
        int16x8_t made = vreinterpretq_s16_s32(
            tml_mve_lstm_four(&layer->cell, table, even, &cells[0]));
        made = vmovntq_s32(made, tml_mve_lstm_four(&layer->cell, table, odd, &cells[1]));
        held = vmovntq_s32(vreinterpretq_s16_s32(cells[0]), cells[1]);
        TML_MVE_KEEP_STORES;
        vstrhq_p_s16(cell, held, lanes);
        TML_MVE_KEEP_STORES;
        vstrbq_p_s16(output, made, lanes);
        TML_MVE_KEEP_STORES;
        vstrbq_p_s16(again, made, lanes);
        gates += 32;
        cell += 8;
        output += 8;
        again += 8;
    }
}

/* One step; `rows` hold the inputs and the outputs of the step before. */
TML_KERNEL void tml_mve_lstm_step(const tml_mve_lstm_params *params, const int8_t *const rows[2],
                                  const int8_t *weights, const int32_t *bias, int16_t *gates)
{
    const tml_mve_gate_factors over_input = tml_mve_gate_factors_of(&params->layer, 0);
    const tml_mve_gate_factors over_output = tml_mve_gate_factors_of(&params->layer, 1);
    TML_ROLLED
    for (int32_t unit = params->layer.units; unit > 0; --unit) {
        const int16x8_t first
            = tml_mve_gates(params, rows[0], params->blocks[0], weights, bias, &over_input);
        weights += 64 * params->blocks[0];
        const int16x8_t second
            = tml_mve_gates(params, rows[1], params->blocks[1], weights, bias + 4, &over_output);
        weights += 64 * params->blocks[1];
        vstrhq_s32(gates, vreinterpretq_s32_s16(vqaddq_s16(first, second)));
        gates += 4;
        bias += 8;
    }
}

TML_KERNEL void tml_mve_unidirectional_sequence_lstm_s8(
    const tml_mve_lstm_params *params, const int8_t *input, const int8_t *weights,
    const int32_t *bias, const int16_t *table, int8_t *hidden, int16_t *cell, int8_t *output,
    int8_t *scratch)
{
    const tml_lstm_params *const layer = &params->layer;
    int8_t *const before = scratch + 16 * params->blocks[0];
    int16_t *const gates = (int16_t *)(void *)(before + 16 * params->blocks[1]);
    const int8_t *const rows[2] = {scratch, before};
    for (int32_t batch = 0; batch < layer->batches; ++batch) {
        const int8_t *from = input + batch * layer->input_stride[0];
        int8_t *to = output + batch * layer->output_stride[0];
        tml_mve_copy(before, hidden, layer->units);
        TML_ROLLED
        for (int32_t step = 0; step < layer->steps; ++step) {
            tml_mve_copy(scratch, from, layer->in_features);
            tml_mve_lstm_step(params, rows, weights, bias, gates);
            tml_mve_lstm_units(layer, gates, table, cell, to, before);
            from += layer->input_stride[1];
            to += layer->output_stride[1];
        }
        tml_mve_copy(hidden, before, layer->units);
        hidden += layer->units;
        cell += layer->units;
    }
}

#endif
