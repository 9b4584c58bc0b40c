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
 * Weights are stored as w + 128 so that they load without a sign. What this adds to P, 128 times the
 * sum of the chunk's X, is known before any filter is: the stream of taps that serves all filters
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

#include "kernels/portable/pair_stream.h"
#include "kernels/portable/rescale.h"

#define TML_PAIR_BLOCK 4 /* filters at most */

typedef struct {
    int32_t chunk;  /* taps: 4 or 2 */
    int32_t chunks; /* of a filter, an even number of those of 2 */
    int32_t out_channels;
    int32_t block;  /* filters at a time: 2 or 4 */
    bool has_rest;  /* any weight was cut down */
    tml_portable_rescale rescale;
} tml_pair_params;

/* Constants of a layer: weights, three words per filter, and per filter the rest: how many, then
 * position in the stream and value of each. */
typedef struct {
    const uint8_t *weights;
    const int32_t *words;
    const int16_t *rest;
} tml_pair_filters;

#if defined(__thumb__) && !defined(__thumb2__)
/* Both filters' products with the tap in r4 or r5. */
#define TML_PAIR_TAP(x, w0, w1) \
    "ldrb r6, [%[weights], #" w0 "]\n\t" \
    "muls r6, " x "\n\t" \
    "adds r2, r6\n\t" \
    "ldrb r6, [%[weights], #" w1 "]\n\t" \
    "muls r6, " x "\n\t" \
    "adds r3, r6\n\t"
#define TML_PAIR_FIELDS(p, both, high) \
    "add %[" both "], " p "\n\t" \
    "asrs " p ", " p ", #16\n\t" \
    "add %[" high "], " p "\n\t"

#define TML_PAIR_START \
    "ldmia %[stream]!, {r2, r4, r5}\n\t" \
    "movs r3, r2\n\t"
#define TML_PAIR_END \
    TML_PAIR_FIELDS("r2", "both0", "high0") \
    TML_PAIR_FIELDS("r3", "both1", "high1")
#define TML_PAIR_FOURS(between) \
    __asm__ volatile(".syntax unified\n" /* gcc takes the older one for Armv6-M */ \
                     "1:\n\t" \
                     TML_PAIR_START \
                     TML_PAIR_TAP("r4", "0", "1") TML_PAIR_TAP("r5", "2", "3") \
                     between \
                     TML_PAIR_TAP("r4", "4", "5") TML_PAIR_TAP("r5", "6", "7") \
                     "adds %[weights], #8\n\t" \
                     TML_PAIR_END \
                     "cmp %[stream], %[end]\n\t" \
                     "bne 1b" \
                     : [stream] "+&l"(stream), [weights] "+&l"(weights), [both0] "+&h"(both0), \
                       [high0] "+&h"(high0), [both1] "+&h"(both1), [high1] "+&h"(high1) \
                     : [end] "h"(end) \
                     : "r2", "r3", "r4", "r5", "r6", "cc", "memory")

/* Adds the chunks of a block of two filters: per four taps 36 instructions and 50 cycles for 16
 * products in a chunk, 43 and 59 in two. Armv6-M: its compilers leave r8 to r12 alone, which can be
 * added to; the sums live there. */
TML_KERNEL void tml_pair_dot(const tml_pair_params *params, const uint32_t *stream,
                             const uint8_t *weights, uint32_t *both, uint32_t *high)
{
    const uint32_t *end = stream + (params->chunk + 1) * params->chunks;
    uint32_t both0 = 0, both1 = 0, high0 = 0, high1 = 0;
    if (params->chunk == 4) {
        TML_PAIR_FOURS("ldmia %[stream]!, {r4, r5}\n\t");
    } else {
        TML_PAIR_FOURS(TML_PAIR_END TML_PAIR_START);
    }
    both[0] = both0;
    both[1] = both1;
    high[0] = high0;
    high[1] = high1;
}
#else
/* Adds the chunks of one block of filters. */
TML_KERNEL void tml_pair_dot(const tml_pair_params *params, const uint32_t *stream,
                             const uint8_t *weights, uint32_t *both, uint32_t *high)
{
    const uint32_t *end = stream + (params->chunk + 1) * params->chunks;
    TML_OPAQUE(end);
    TML_ROLLED
    do {
        uint32_t p[TML_PAIR_BLOCK];
        for (int32_t f = 0; f < params->block; ++f) {
            p[f] = stream[0];
        }
        TML_UNROLLED
        for (int32_t i = 0; i < params->chunk; ++i) {
            const uint32_t x = stream[1 + i];
            for (int32_t f = 0; f < params->block; ++f) {
                p[f] += x * weights[params->block * i + f];
                TML_OPAQUE(p[f]);
            }
            TML_IN_ORDER;
        }
        for (int32_t f = 0; f < params->block; ++f) {
            both[f] += p[f];
            high[f] += (uint32_t)((int32_t)p[f] >> 16);
        }
        stream += 1 + params->chunk;
        weights += params->chunk * params->block;
    } while (stream != end);
}
#endif

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
            words += 3;
        }
    }
}

#endif
