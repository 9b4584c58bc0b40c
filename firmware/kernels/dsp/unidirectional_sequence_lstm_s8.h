/* UNIDIRECTIONAL_SEQUENCE_LSTM, int8, for the DSP instructions; see the plain kernel for what it computes.
 *
 * The gates of a unit are four filters over one row of inputs, and four more over the row of outputs
 * of the step before: row_block.h with an epilogue of its own. It rescales the four sums to 16 bits
 * and adds them (QADD16) to what is there, so one block serves both rows, one after the other, and at
 * last each unit goes on from its four gates as in lstm_cell.h, leaving zeros for the next step.
 *
 * Weights: two streams, per unit 4 biases and the steps of row_block.h, gates in the order input,
 * forget, new value, output. Factors: for each gate 5 words,
 *   M C n l s   gate = ssat16((high((2 * sum << l) * M, rounded) + C + (s & sum >> 31)) >> n)
 * with C = 2^(n-1) and s = -1, or C = n = s = 0 where the factor shifts to the left by l >= 0.
 * scratch: both widened rows, then 2 words per unit. Cost: see tinyml/variants/dsp_lstm.py.
 */
#ifndef TML_DSP_UNIDIRECTIONAL_SEQUENCE_LSTM_S8_H
#define TML_DSP_UNIDIRECTIONAL_SEQUENCE_LSTM_S8_H

#include "kernels/unidirectional_sequence_lstm/s8.h"
#include "fully_connected_s8.h"

/* A row that gates sum over. */
typedef struct {
    int32_t features;
    int32_t words; /* of it, widened */
    int32_t entry; /* as in row_block.h */
    int32_t group_words;
    bool is_wide;
    bool shifts_left; /* whether some gate's factor does: l, n and s differ */
} tml_dsp_lstm_row;

typedef struct {
    tml_dsp_lstm_row input;
    tml_dsp_lstm_row output; /* of the step before */
    tml_lstm_params layer;
} tml_dsp_lstm_params;

#define TML_DSP_LSTM_RIGHT(sum)                                                                \
    "ldm r0!, {r6, r7, r8, r9, r10}\n\t"                                                       \
    "add r11, r7, " sum ", asr #31\n\t"                                                        \
    "smmlar " sum ", " sum ", r6, r11\n\t"                                                     \
    "asr " sum ", " sum ", r8\n\tssat " sum ", #16, " sum "\n\t"
#define TML_DSP_LSTM_ANY(sum)                                                                  \
    "ldm r0!, {r6, r7, r8, r9, r10}\n\t"                                                       \
    "lsl " sum ", " sum ", r9\n\tand r10, r10, " sum ", asr #31\n\tadd r11, r7, r10\n\t"      \
    "smmlar " sum ", " sum ", r6, r11\n\t"                                                     \
    "asr " sum ", " sum ", r8\n\tssat " sum ", #16, " sum "\n\t"

/* The pointer to the factors is the first of the block's constants. */
#define TML_DSP_LSTM_EPILOGUE(separate, twice, rescale)                                        \
    separate TML_DSP_LSL_1("r2") twice("r3") TML_DSP_LSL_1("r4") twice("r5")                   \
    "ldr r0, [sp, #20]\n\t"                                                                    \
    rescale("r2") rescale("r3") rescale("r4") rescale("r5")                                    \
    "ldr r0, [sp]\n\t"                                                                         \
    "pkhbt r2, r2, r3, lsl #16\n\tpkhbt r4, r4, r5, lsl #16\n\t"                              \
    "ldrd r6, r7, [r0]\n\t"                                                                    \
    "qadd16 r2, r2, r6\n\tqadd16 r4, r4, r7\n\t"                                              \
    "strd r2, r4, [r0], #8\n\t"

TML_DSP_ROW(tml_dsp_row_gates, TML_DSP_ROW_STEP_PACKED,
            TML_DSP_LSTM_EPILOGUE(TML_DSP_ROW_SEPARATE, TML_DSP_ASR_7, TML_DSP_LSTM_RIGHT))
TML_DSP_ROW(tml_dsp_row_any_gates, TML_DSP_ROW_STEP_PACKED,
            TML_DSP_LSTM_EPILOGUE(TML_DSP_ROW_SEPARATE, TML_DSP_ASR_7, TML_DSP_LSTM_ANY))
TML_DSP_ROW(tml_dsp_row_wide_gates, TML_DSP_ROW_STEP_WIDE,
            TML_DSP_LSTM_EPILOGUE("", TML_DSP_LSL_1, TML_DSP_LSTM_ANY))

/* Adds the part of all gates that comes from one row. */
TML_KERNEL void tml_dsp_lstm_gates(const tml_dsp_lstm_row *row, int32_t units, const int8_t *values,
                                   const int32_t *weights, const int32_t *factors, int32_t *widened,
                                   int32_t *gates)
{
    const int32_t *constants[3] = {factors, factors, factors};
    tml_dsp_widen_row(values, row->features, widened);
    tml_dsp_row_block run;
    run.output = gates;
    run.inputs = widened;
    run.entry = (uint32_t)row->entry;
    run.inputs_end = widened + row->words;
    run.end = weights + units * row->group_words;
    run.weights = weights;
    run.constants = (const int32_t *)(const void *)constants;
    if (row->is_wide) {
        tml_dsp_row_wide_gates(&run);
    } else if (row->shifts_left) {
        tml_dsp_row_any_gates(&run);
    } else {
        tml_dsp_row_gates(&run);
    }
}

/* All units from their gates, which become 0. */
TML_KERNEL void tml_dsp_lstm_units(const tml_lstm_params *params, int32_t *packed,
                                   const int16_t *table, int16_t *cell, int8_t *output)
{
    TML_OPAQUE(table); /* kept in a register, not made anew for each function */
    TML_ROLLED
    for (int32_t unit = 0; unit < params->units; ++unit) {
        const int32_t first = packed[0], second = packed[1];
        const int32_t gates[4] = {(int16_t)first, first >> 16, (int16_t)second, second >> 16};
        packed[0] = 0;
        packed[1] = 0;
        packed += 2;
        *output++ = (int8_t)tml_lstm_unit(&params->cell, table, gates, cell++);
    }
}

TML_KERNEL void tml_dsp_unidirectional_sequence_lstm_s8(
    const tml_dsp_lstm_params *params, const int8_t *input, const int32_t *input_weights,
    const int32_t *output_weights, const int32_t *factors, const int16_t *table, int8_t *hidden,
    int16_t *cell, int8_t *output, int32_t *scratch)
{
    const tml_lstm_params *const layer = &params->layer;
    int32_t *const widened = scratch + params->input.words;
    int32_t *const gates = widened + params->output.words;
    memset(gates, 0, (size_t)layer->units * 8u);
    for (int32_t batch = 0; batch < layer->batches; ++batch) {
        const int8_t *from = input + batch * layer->input_stride[0];
        int8_t *to = output + batch * layer->output_stride[0];
        TML_ROLLED
        for (int32_t step = 0; step < layer->steps; ++step) {
            tml_dsp_lstm_gates(&params->input, layer->units, from, input_weights, factors, scratch,
                               gates);
            tml_dsp_lstm_gates(&params->output, layer->units, hidden, output_weights, factors + 20,
                               widened, gates);
            tml_dsp_lstm_units(layer, gates, table, cell, to);
            memcpy(hidden, to, (size_t)layer->units);
            from += layer->input_stride[1];
            to += layer->output_stride[1];
        }
        hidden += layer->units;
        cell += layer->units;
    }
}

#endif
