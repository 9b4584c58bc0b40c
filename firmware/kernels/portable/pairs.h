/* pairs.h: filters over two pixels at once, with one 32-bit multiplication for two products.
 *
 *        X = x0 + x1 * 2^16          the same tap of two pixels
 *    w * X = w * x0 + w * x1 * 2^16  a 16-bit field for each pixel
 *
 * Fields hold the sums of a chunk of four or two taps, as long as the magnitudes of its weights add
 * up to at most 255. The compiler cuts down weights where they do not, and lists what was cut off:
 * the rest, added tap by tap. After each chunk the fields are emptied into 32-bit sums:
 *
 *    P    = sums of the chunk in its fields, 2^15 added so that the lower one is not negative
 *    high += P >> 16                 the second pixel
 *    both += P                       both, modulo 2^32: both - high * 2^16 is the first pixel
 *
 * Cores that load bytes without a sign only have weights stored as w + 128. What this adds to P, 128
 * times the sum of the chunk's X, is known before any filter is: the stream of taps that serves all filters
 *
 *    | start | X0 X1 X2 X3 | start | X4 X5 X6 X7 | ...      start = 2^15 - 128 * (X0 + .. + X3)
 *
 * lets P begin with it taken off. All of this is arithmetic modulo 2^32 and exact. Weights lie in
 * blocks of `block` filters: the block's weights of a tap side by side, taps filled up to fours.
 *
 * Instructions per chunk of t taps and block of n filters: 4 + t * (2 + 3 n) + 3 n, for 2 t n products.
 */
#ifndef TML_PORTABLE_PAIRS_H
#define TML_PORTABLE_PAIRS_H

#include "kernels/portable/pair_dot.h"
#include "kernels/portable/pair_stream.h"

/* Constants of a layer: weights, three words per filter, and per filter the rest: how many, then
 * position in the stream and value of each. */
typedef struct {
    const uint8_t *weights;
    const int32_t *words;
    const int16_t *rest;
} tml_pair_filters;

/* Adds what was cut off the weights of one filter; returns the next filter's. */
TML_KERNEL const int16_t *tml_pair_rest(const int16_t *rest, const uint32_t *stream,
                                        uint32_t *both, uint32_t *high)
{
    int32_t count = *rest++;
    TML_ROLLED
    for (; count > 0; --count) {
        const int32_t weight = rest[1];
        const uint32_t p = stream[rest[0]] * (uint32_t)weight;
        *both += p;
        *high += (uint32_t)((int32_t)(p + (UINT32_C(1) << 15)) >> 16);
        rest += 2;
    }
    return rest;
}

/* All filters over the two pixels of a stream; `second` is `first` when there is only one. */
TML_KERNEL void tml_pair_filter(const tml_pair_params *params, const uint32_t *stream,
                                const tml_pair_filters *filters, int8_t *first, int8_t *second)
{
    const uint8_t *weights = filters->weights;
    const int32_t *words = filters->words;
    const int16_t *rest = filters->rest;
    TML_ROLLED
    for (int32_t from = 0; from < params->out_channels; from += params->block) {
        uint32_t both[TML_PAIR_BLOCK] = {0}, high[TML_PAIR_BLOCK] = {0};
        tml_pair_dot(params, stream, weights, both, high);
        weights += params->chunk * params->chunks * params->block;
        TML_UNROLLED
        for (int32_t f = 0; f < params->block; ++f) {
            if (params->out_channels % params->block != 0 && from + f >= params->out_channels) {
                break;
            }
            if (params->has_rest) {
                rest = tml_pair_rest(rest, stream, &both[f], &high[f]);
            }
            const uint32_t bias = (uint32_t)words[0];
            const uint32_t low = both[f] - (high[f] << 16)
                - ((uint32_t)params->chunks << 15) + bias;
            second[from + f] = tml_portable_output(&params->rescale, words,
                                                   (int32_t)(high[f] + bias));
            first[from + f] = tml_portable_output(&params->rescale, words, (int32_t)low);
            words += tml_portable_words(&params->rescale);
        }
    }
}

#endif
