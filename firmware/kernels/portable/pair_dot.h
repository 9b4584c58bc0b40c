/* pair_dot.h: sums of the chunks of a block of filters; pairs.h says how. */
#ifndef TML_PORTABLE_PAIR_DOT_H
#define TML_PORTABLE_PAIR_DOT_H

#include "kernels/portable/pair_stream.h"

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
    const uint32_t *end = stream + tml_pair_words(params);
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
#elif defined(__riscv)
#define TML_PAIR_TAP(x) \
    "mul %[t], %[t], %[" x "]\n\t" \
    "add %[p], %[p], %[t]\n\t"
#define TML_PAIR_FIRST \
    "lb %[p], %[w0]\n\t" \
    "lb %[t], %[w1]\n\t" \
    "mul %[p], %[p], %[x0]\n\t" \
    "add %[p], %[p], %[start]\n\t" TML_PAIR_TAP("x1")
#define TML_PAIR_FIELDS \
    "add %[both], %[both], %[p]\n\t" \
    "srai %[p], %[p], 16\n\t" \
    "add %[high], %[high], %[p]"

/* Adds a chunk of one filter whose taps lie `pitch` apart. As one piece, since compilers would mix
 * those of all filters until registers run out: 26 of 28 are in use. */
TML_KERNEL void tml_pair_chunk(int32_t chunk, const uint32_t *x, uint32_t start,
                               const uint8_t *weights, int32_t pitch, uint32_t *both,
                               uint32_t *high)
{
    uint32_t p, t;
    if (chunk == 4) {
        __asm__ volatile(TML_PAIR_FIRST
                         "lb %[t], %[w2]\n\t" TML_PAIR_TAP("x2")
                         "lb %[t], %[w3]\n\t" TML_PAIR_TAP("x3") TML_PAIR_FIELDS
                         : [both] "+r"(*both), [high] "+r"(*high), [p] "=&r"(p), [t] "=&r"(t)
                         : [start] "r"(start), [x0] "r"(x[0]), [x1] "r"(x[1]), [x2] "r"(x[2]),
                           [x3] "r"(x[3]), [w0] "m"(weights[0]), [w1] "m"(weights[pitch]),
                           [w2] "m"(weights[2 * pitch]), [w3] "m"(weights[3 * pitch]));
    } else {
        __asm__ volatile(TML_PAIR_FIRST TML_PAIR_FIELDS
                         : [both] "+r"(*both), [high] "+r"(*high), [p] "=&r"(p), [t] "=&r"(t)
                         : [start] "r"(start), [x0] "r"(x[0]), [x1] "r"(x[1]),
                           [w0] "m"(weights[0]), [w1] "m"(weights[pitch]));
    }
}

/* Adds the chunks of one block of filters, whose weights are signed. Instructions per chunk of t taps:
 * 3 + t + n * (3 + 3 t). */
TML_KERNEL void tml_pair_dot(const tml_pair_params *params, const uint32_t *stream,
                             const uint8_t *weights, uint32_t *both, uint32_t *high)
{
    const uint32_t *end = stream + tml_pair_words(params);
    const uint32_t start = UINT32_C(1) << 15;
    TML_OPAQUE(end);
    TML_ROLLED
    do {
        uint32_t x[4] = {0};
        TML_UNROLLED
        for (int32_t i = 0; i < params->chunk; ++i) {
            x[i] = stream[i];
        }
        TML_UNROLLED
        for (int32_t f = 0; f < params->block; ++f) {
            tml_pair_chunk(params->chunk, x, start, weights + f, params->block, &both[f],
                           &high[f]);
        }
        stream += params->chunk;
        weights += params->chunk * params->block;
    } while (stream != end);
}
#else
/* Adds the chunks of one block of filters. */
TML_KERNEL void tml_pair_dot(const tml_pair_params *params, const uint32_t *stream,
                             const uint8_t *weights, uint32_t *both, uint32_t *high)
{
    const uint32_t *end = stream + tml_pair_words(params);
    const int32_t starts = params->is_signed ? 0 : 1;
    TML_OPAQUE(end);
    TML_ROLLED
    do {
        uint32_t p[TML_PAIR_BLOCK];
        for (int32_t f = 0; f < params->block; ++f) {
            p[f] = params->is_signed ? UINT32_C(1) << 15 : stream[0];
        }
        TML_UNROLLED
        for (int32_t i = 0; i < params->chunk; ++i) {
            const uint32_t x = stream[starts + i];
            for (int32_t f = 0; f < params->block; ++f) {
                const uint8_t stored = weights[params->block * i + f];
                const int32_t weight = params->is_signed ? (int8_t)stored : stored;
                p[f] += x * (uint32_t)weight;
            }
            for (int32_t f = 0; f < params->block; f += 2) {
                TML_SETTLED(p[f], p[f + 1]);
            }
            TML_IN_ORDER;
        }
        for (int32_t f = 0; f < params->block; ++f) {
            both[f] += p[f];
            high[f] += (uint32_t)((int32_t)p[f] >> 16);
        }
        stream += starts + params->chunk;
        weights += params->chunk * params->block;
    } while (stream != end);
}
#endif

#endif
