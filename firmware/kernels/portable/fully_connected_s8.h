/* fully_connected_s8.h: FULLY_CONNECTED of one row: one multiplication for two outputs.
 *
 * The idea of pairs.h turned around: two outputs' weights share a register.
 *
 *    word           = w0+128 | w1+128 | w2+128 | w3+128     four outputs' weights of one input
 *    word & M       = w0 + 128 + (w2 + 128) * 2^16          M = 0x00FF00FF
 *    (word >> 8) & M = w1 + 128 + (w3 + 128) * 2^16
 *
 * Fields hold the sums of a chunk of four inputs; P starts with 2^15 and with the 128s taken off,
 * 128 * (x0 + .. + x3) in each field. Weights lie in blocks of 4 * `quads` outputs, the block's
 * weights of an input side by side, inputs filled up to fours by weights of 0.
 *
 * Instructions per chunk and block of n quads: 19 + 4 * (1 + 8 n) + 6 n, for 16 n products.
 */
#ifndef TML_PORTABLE_FULLY_CONNECTED_S8_H
#define TML_PORTABLE_FULLY_CONNECTED_S8_H

#include "kernels/portable/rescale.h"

#define TML_QUADS 2 /* at most */

typedef struct {
    int32_t in_features;
    int32_t out_features;
    int32_t quads; /* of outputs in a block: 1 or 2 */
    bool has_rest;
    tml_portable_rescale rescale;
} tml_portable_fully_connected_params;

/* Adds one chunk of up to four inputs; both and high have two elements per quad. */
TML_KERNEL void tml_portable_chunk(int32_t quads, int32_t count, const int8_t *input,
                                   const uint32_t *weights, uint32_t *both, uint32_t *high)
{
    uint32_t x[4] = {0};
    uint32_t start = 0;
    for (int32_t i = 0; i < count; ++i) {
        x[i] = (uint32_t)input[i];
        start += x[i];
    }
    start = (UINT32_C(1) << 15) - (start << 7) - (start << 23);
    uint32_t p[2 * TML_QUADS];
    for (int32_t i = 0; i < 2 * quads; ++i) {
        p[i] = start;
    }
    TML_UNROLLED
    for (int32_t i = 0; i < count; ++i) {
        for (int32_t quad = 0; quad < quads; ++quad) {
            const uint32_t word = weights[i * quads + quad];
            p[2 * quad] += (word & 0x00FF00FFu) * x[i];
            p[2 * quad + 1] += ((word >> 8) & 0x00FF00FFu) * x[i];
        }
    }
    for (int32_t i = 0; i < 2 * quads; ++i) {
        both[i] += p[i];
        high[i] += (uint32_t)((int32_t)p[i] >> 16);
    }
}

TML_KERNEL void tml_portable_fully_connected_s8(const tml_portable_fully_connected_params *params,
                                                const int8_t *input, const uint32_t *weights,
                                                const int32_t *words, const int16_t *rest,
                                                int8_t *output)
{
    const int32_t features = params->in_features;
    const int32_t chunks = (features + 3) / 4;
    const int32_t quads = params->quads;
    TML_ROLLED
    for (int32_t from = 0; from < params->out_features; from += 4 * quads) {
        uint32_t both[2 * TML_QUADS] = {0}, high[2 * TML_QUADS] = {0};
        const int8_t *x = input;
        TML_ROLLED
        for (int32_t left = features / 4; left > 0; --left) {
            tml_portable_chunk(quads, 4, x, weights, both, high);
            x += 4;
            weights += 4 * quads;
        }
        if (features % 4 != 0) {
            tml_portable_chunk(quads, features % 4, x, weights, both, high);
            weights += (features % 4) * quads;
        }
        for (int32_t i = 0; i < 4 * quads; ++i) {
            if (params->out_features % (4 * quads) != 0 && from + i >= params->out_features) {
                break;
            }
            const int32_t at = i / 4 * 2 + i % 2; /* outputs 0 and 2 share a register, 1 and 3 */
            uint32_t sum = i % 4 < 2 ? both[at] - (high[at] << 16) - ((uint32_t)chunks << 15)
                                     : high[at];
            if (params->has_rest) {
                TML_ROLLED
                for (int32_t count = *rest++; count > 0; --count) {
                    sum += (uint32_t)(input[rest[0]] * rest[1]);
                    rest += 2;
                }
            }
            output[from + i] = tml_portable_output(&params->rescale, words,
                                                   (int32_t)(sum + (uint32_t)words[0]));
            words += 3;
        }
    }
}

#endif
