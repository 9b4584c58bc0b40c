/* one_channel_s8.h: convolution of 1x1 from one channel, or FULLY_CONNECTED of one input: by a table.
 *
 *   output[pixel][filter] = table[input[pixel] + 128][filter]
 *
 * All outputs of a pixel follow from one byte, so the compiler works out each of the 256 rows there
 * are. Nothing is multiplied, and any rescaling is as fast as any other.
 *
 * Layouts: input [pixels], output [pixels][filters], table [256][filters], both word-aligned. A pixel
 * is read before its outputs are written.
 * Instructions per pixel: 4 and 2 per four filters; 6 and 3 per filter where those are no multiple of 4.
 */
#ifndef TML_PORTABLE_ONE_CHANNEL_S8_H
#define TML_PORTABLE_ONE_CHANNEL_S8_H

#include "tml.h"

typedef struct {
    int32_t pixels;
    int32_t filters;
} tml_portable_one_channel_params;

TML_KERNEL void tml_portable_one_channel_s8(const tml_portable_one_channel_params *params,
                                            const int8_t *input, const int8_t *table,
                                            int8_t *output)
{
    const int32_t filters = params->filters;
    const int8_t *const middle = table + 128 * filters;
    TML_ROLLED
    for (const int8_t *const end = input + params->pixels; input != end; ++input) {
        const int8_t *row = middle + *input * filters;
        if (filters % 4 == 0) {
            const int32_t *from = (const int32_t *)(const void *)row;
            int32_t *to = (int32_t *)(void *)output;
            TML_UNROLLED
            for (int32_t i = 0; i < filters >> 2; ++i) {
                to[i] = from[i];
            }
        } else {
            TML_UNROLLED
            for (int32_t i = 0; i < filters; ++i) {
                output[i] = row[i];
            }
        }
        output += filters;
    }
}

#endif
