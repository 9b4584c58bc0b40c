/* pair_stream.h: the stream of taps of two pixels that serves all filters; pairs.h says why.
 *
 *    | start | X0 X1 X2 X3 | start | X4 X5 X6 X7 | ...        in chunks of four
 *    | start | X0 X1 | start | X2 X3 | ...                    in chunks of two
 *
 *    X = x0 + x1 * 2^16      start = 2^15 - 128 * sum of the chunk's X, modulo 2^32
 *
 * Where weights are signed there are no starts: all of them would be 2^15.
 * Instructions: 7 per tap.
 */
#ifndef TML_PORTABLE_PAIR_STREAM_H
#define TML_PORTABLE_PAIR_STREAM_H

#include "kernels/portable/rescale.h"

#define TML_PAIR_BLOCK 8 /* filters at most */

typedef struct {
    int32_t chunk;  /* taps: 4 or 2 */
    int32_t chunks; /* of a filter, an even number of those of 2 */
    int32_t out_channels;
    int32_t block;  /* filters at a time: 2, 4 or 8 */
    bool is_signed; /* weights are as they are, and the stream is without starts */
    bool has_rest;  /* any weight was cut down */
    tml_portable_rescale rescale;
} tml_pair_params;

/* Words of the stream. */
TML_KERNEL int32_t tml_pair_words(const tml_pair_params *params)
{
    return (params->chunk + (params->is_signed ? 0 : 1)) * params->chunks;
}

/* Puts the first `count` of a chunk's taps into the stream, and nothing for the others. */
TML_KERNEL uint32_t *tml_pair_pack_chunk(const tml_pair_params *params, uint32_t *stream,
                                         const int8_t *a, const int8_t *b, int32_t count)
{
    const int32_t chunk = params->chunk, starts = params->is_signed ? 0 : 1;
    uint32_t start = 0;
    TML_UNROLLED
    for (int32_t i = 0; i < chunk; ++i) {
        const uint32_t x = i < count ? (uint32_t)a[i] + ((uint32_t)b[i] << 16) : 0;
        stream[starts + i] = x;
        start += x;
    }
    if (!params->is_signed) {
        stream[0] = (UINT32_C(1) << 15) - (start << 7);
    }
    return stream + starts + chunk;
}

/* Puts `length` taps of two pixels into the stream, filled up to fours; returns its end. */
TML_KERNEL uint32_t *tml_pair_pack(const tml_pair_params *params, uint32_t *stream,
                                   const int8_t *a, const int8_t *b, int32_t length)
{
    const int32_t chunk = params->chunk;
    TML_ROLLED
    for (int32_t left = length / 4; left > 0; --left) {
        stream = tml_pair_pack_chunk(params, stream, a, b, chunk);
        if (chunk == 2) {
            stream = tml_pair_pack_chunk(params, stream, a + 2, b + 2, chunk);
        }
        a += 4;
        b += 4;
    }
    if (length % 4 != 0) {
        stream = tml_pair_pack_chunk(params, stream, a, b, length % 4);
        if (chunk == 2) {
            stream = tml_pair_pack_chunk(params, stream, a + 2, b + 2, length % 4 - 2);
        }
    }
    return stream;
}

#endif
