/* sums.h: sums of products of 16 channels at a time, for the ESP32-S3's vector unit.
 *
 *   run of inputs   | a b c d e f g ...              |     one after the other in memory, at any address
 *   weights         | a: 16 channels | b: 16 channels | ...   16-byte aligned, runs filled up to 4 inputs
 *   QACC           += a * its 16 weights, then b * its 16 weights, ...   one instruction each, which also
 *                                                                        loads the weights of two steps later
 *
 * No line of 16 bytes is read of which no byte is wanted.
 * Where sums could leave 20 bits they are read after some runs and added up in memory.
 * Weights that the cache does not hold are read from flash once: the image is gone through for some channels at
 * a time.
 * Instructions per run: 8, 4 per 16 inputs and one for each; 70 where sums are added up in memory.
 */
#ifndef TML_PIE_SUMS_H
#define TML_PIE_SUMS_H

#include "kernels/pie/copy.h"
#include "kernels/pie/rescale.h"

/* How a window lies in memory. */
typedef struct {
    const int8_t *first;
    int32_t row_bytes; /* from row to row of the filter */
    int32_t run_bytes; /* from run to run of a row */
} tml_pie_window;

typedef struct {
    int32_t rows;
    int32_t runs;       /* of a row */
    int32_t run;        /* inputs */
    int32_t step;       /* inputs from run to run of a row; fewer where runs overlap, with weights of 0 */
    int32_t taps;       /* of a run, filled up */
    int32_t runs_added; /* before sums could leave 20 bits */
    int32_t out_channels;
    int32_t lanes;    /* of a group of channels: 16, or 8 */
    int32_t together; /* channels of a pass over the image */
    tml_pie_rescale rescale;
} tml_pie_sums_params;

#define TML_PIE_OUTPUTS_AT (2 * TML_PIE_SUMS_BYTES) /* of memory */

#define TML_PIE_TAP(number, weights, next) \
    "ee.vsmulas.s8.qacc.ld.incp " next ", %[w], " weights ", q0, " number "\n\t"
#define TML_PIE_4_TAPS(n0, n1, n2, n3) \
    TML_PIE_TAP(n0, "q3", "q5") TML_PIE_TAP(n1, "q4", "q6") TML_PIE_TAP(n2, "q5", "q3") TML_PIE_TAP(n3, "q6", "q4")
#define TML_PIE_TAPS_4 TML_PIE_4_TAPS("0", "1", "2", "3")
#define TML_PIE_TAPS_8 TML_PIE_TAPS_4 TML_PIE_4_TAPS("4", "5", "6", "7")
#define TML_PIE_TAPS_12 TML_PIE_TAPS_8 TML_PIE_4_TAPS("8", "9", "10", "11")
#define TML_PIE_TAPS_16 TML_PIE_TAPS_12 TML_PIE_4_TAPS("12", "13", "14", "15")
#define TML_PIE_BLOCK(inputs) __asm__ volatile(inputs : [w] "+r"(w), [x] "+r"(x) : : "memory")

TML_KERNEL const int8_t *tml_pie_begin_sums(const int8_t *w)
{
    __asm__ volatile("ee.zero.qacc\n\tee.vld.128.ip q3, %[w], 16\n\tee.vld.128.ip q4, %[w], 16" : [w] "+r"(w) : : "memory");
    return w;
}

/* Adds a run of inputs times their weights; gives where the weights of the next run are loaded. */
TML_KERNEL const int8_t *tml_pie_add_run(const tml_pie_sums_params *params, const int8_t *x, const int8_t *w)
{
    const int8_t *last = x + params->run - 1;
    int32_t left = params->taps;
    TML_PIE_BLOCK("ee.ld.128.usar.ip q1, %[x], 16");
    TML_ROLLED
    for (; left > 16; left -= 16) {
        TML_PIE_BLOCK("ee.vld.128.ip q2, %[x], 16\n\tee.src.q.qup q0, q1, q2\n\t" TML_PIE_TAPS_16);
    }
    __asm__ volatile("ee.vld.128.ip q2, %[last], 0\n\tee.src.q q0, q1, q2" : [last] "+r"(last) : : "memory");
    switch (left) {
    case 4: TML_PIE_BLOCK(TML_PIE_TAPS_4); break;
    case 8: TML_PIE_BLOCK(TML_PIE_TAPS_8); break;
    case 12: TML_PIE_BLOCK(TML_PIE_TAPS_12); break;
    default: TML_PIE_BLOCK(TML_PIE_TAPS_16); break;
    }
    return w;
}

/* Outputs of a window's group of channels, 16 or 8, to where a line of 16 bytes begins. */
TML_KERNEL void tml_pie_group(const tml_pie_sums_params *params, const tml_pie_window *window, const int8_t *w,
                              const tml_pie_words_of *words, int8_t *memory, int8_t *output)
{
    int32_t left = params->rows * params->runs;
    int32_t until = params->runs_added;
    const bool is_split = params->runs_added < params->rows * params->runs;
    const int8_t *row = window->first;
    if (is_split) {
        tml_pie_clear(memory + TML_PIE_SUMS_BYTES);
    }
    w = tml_pie_begin_sums(w);
    TML_ROLLED
    for (int32_t k_y = 0; k_y < params->rows; ++k_y) {
        const int8_t *x = row;
        TML_ROLLED
        for (int32_t run = 0; run < params->runs; ++run) {
            w = tml_pie_add_run(params, x, w);
            x += window->run_bytes;
            if (is_split) {
                --left;
                if (--until == 0 && left > 0) {
                    tml_pie_read_16(memory, words->masks);
                    tml_pie_add_up(memory + TML_PIE_SUMS_BYTES);
                    w = tml_pie_begin_sums(w - 2 * TML_PIE_LANES);
                    until = params->runs_added;
                }
            }
        }
        row += window->row_bytes;
    }
    tml_pie_finish(&params->rescale, params->lanes, is_split, words, memory, output);
}

/* Channels whose outputs are made while the image is gone through once; their weights stay in the cache. */
typedef struct {
    const int8_t *weights;
    tml_pie_words_of words;
    int32_t first; /* channel */
    int32_t channels;
} tml_pie_pass;

TML_KERNEL int32_t tml_pie_channels(const tml_pie_sums_params *params, int32_t first)
{
    const int32_t left = params->out_channels - first;
    return left < params->together ? left : params->together;
}

TML_KERNEL tml_pie_pass tml_pie_first_pass(const tml_pie_sums_params *params, const int8_t *weights,
                                           const int32_t *scales)
{
    const tml_pie_pass pass = {weights, {scales, scales + TML_PIE_MASKS}, 0, tml_pie_channels(params, 0)};
    return pass;
}

TML_KERNEL int32_t tml_pie_group_bytes(const tml_pie_sums_params *params)
{
    return params->rows * params->runs * params->taps * TML_PIE_LANES;
}

TML_KERNEL void tml_pie_next_pass(const tml_pie_sums_params *params, tml_pie_pass *pass)
{
    const int32_t groups = (pass->channels + params->lanes - 1) / params->lanes;
    pass->weights += groups * tml_pie_group_bytes(params);
    pass->words.own += groups * tml_pie_words(&params->rescale, params->lanes);
    pass->first += pass->channels;
    pass->channels = tml_pie_channels(params, pass->first);
}

/* Outputs of a pass's channels of a window, which is read completely before they are written. */
TML_KERNEL void tml_pie_outputs(const tml_pie_sums_params *params, const tml_pie_pass *pass,
                                const tml_pie_window *window, int8_t *memory, int8_t *output)
{
    const int32_t group = tml_pie_group_bytes(params);
    const int8_t *weights = pass->weights;
    int8_t *made = memory + TML_PIE_OUTPUTS_AT;
    tml_pie_words_of words = pass->words;
    TML_ROLLED
    for (int32_t first = 0; first < pass->channels; first += params->lanes) {
        tml_pie_group(params, window, weights, &words, memory, made + first);
        weights += group;
        words.own += tml_pie_words(&params->rescale, params->lanes);
    }
    tml_pie_put(output + pass->first, made, pass->channels);
}

#endif
