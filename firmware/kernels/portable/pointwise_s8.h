/* pointwise_s8.h: 1x1 convolution, and FULLY_CONNECTED of several rows, two pixels at a time.
 *
 * Both pixels are read into the stream of pairs.h before their outputs are written, so the output
 * may chase the input. Scratch: the stream.
 * Instructions per two pixels: 7 per channel, and those of pairs.h.
 */
#ifndef TML_PORTABLE_POINTWISE_S8_H
#define TML_PORTABLE_POINTWISE_S8_H

#include "kernels/portable/pairs.h"

typedef struct {
    int32_t pixels;
    int32_t in_channels;
    tml_pair_params pair;
} tml_portable_pointwise_params;

TML_KERNEL void tml_portable_pointwise_s8(const tml_portable_pointwise_params *params,
                                          const int8_t *input, const uint8_t *weights,
                                          const int32_t *words, const int16_t *rest,
                                          int8_t *output, uint32_t *scratch)
{
    const tml_pair_filters filters = {weights, words, rest};
    TML_ROLLED
    for (int32_t left = params->pixels; left > 0; left -= 2) {
        const int32_t second = left > 1 ? 1 : 0;
        (void)tml_pair_pack(&params->pair, scratch, input,
                            input + second * params->in_channels, params->in_channels);
        tml_pair_filter(&params->pair, scratch, &filters, output,
                        output + second * params->pair.out_channels);
        input += 2 * params->in_channels;
        output += 2 * params->pair.out_channels;
    }
}

#endif
