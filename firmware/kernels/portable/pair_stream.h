/* pair_stream.h: the stream of taps of two pixels that serves all filters; pairs.h says why.
 *
 *    | start | X0 X1 X2 X3 | start | X4 X5 X6 X7 | ...        in chunks of four
 *    | start | X0 X1 | start | X2 X3 | ...                    in chunks of two
 *
 *    X = x0 + x1 * 2^16      start = 2^15 - 128 * sum of the chunk's X, modulo 2^32
 *
 * Instructions: 7 per tap.
 */
#ifndef TML_PORTABLE_PAIR_STREAM_H
#define TML_PORTABLE_PAIR_STREAM_H

#include "tml.h"

/* Puts the first `count` of a chunk's taps into the stream, and nothing for the others. */
TML_KERNEL uint32_t *tml_pair_pack_chunk(uint32_t *stream, const int8_t *a, const int8_t *b,
                                         int32_t count, int32_t chunk)
{
    uint32_t start = 0;
    TML_UNROLLED
    for (int32_t i = 0; i < chunk; ++i) {
        const uint32_t x = i < count ? (uint32_t)a[i] + ((uint32_t)b[i] << 16) : 0;
        stream[1 + i] = x;
        start += x;
    }
    stream[0] = (UINT32_C(1) << 15) - (start << 7);
    return stream + 1 + chunk;
}

/* Puts `length` taps of two pixels into the stream, filled up to fours; returns its end. */
TML_KERNEL uint32_t *tml_pair_pack(uint32_t *stream, const int8_t *a, const int8_t *b,
                                   int32_t length, int32_t chunk)
{
    TML_ROLLED
    for (int32_t left = length / 4; left > 0; --left) {
        stream = tml_pair_pack_chunk(stream, a, b, chunk, chunk);
        if (chunk == 2) {
            stream = tml_pair_pack_chunk(stream, a + 2, b + 2, chunk, chunk);
        }
        a += 4;
        b += 4;
    }
    if (length % 4 != 0) {
        stream = tml_pair_pack_chunk(stream, a, b, length % 4, chunk);
        if (chunk == 2) {
            stream = tml_pair_pack_chunk(stream, a + 2, b + 2, length % 4 - 2, chunk);
        }
    }
    return stream;
}

#endif
