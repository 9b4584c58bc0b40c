/* average_rows_s8.h: the average over a whole image, which comes a band of rows at a time.
 *
 * out[c] = clamp(average of all pixels of channel c, halves away from zero)
 *
 * A stage of a stream (stream.h). `sums` (int32 per channel) lives from run to run; the output is
 * written by the last one. Input and output have the same scale and zero point.
 */
#ifndef TML_AVERAGE_ROWS_S8_H
#define TML_AVERAGE_ROWS_S8_H

#include "tml.h"
#include "tml_fixedpoint.h"

typedef struct {
    int32_t channels;
    int32_t band_bytes; /* of the rows of one run */
    int32_t runs;
    int32_t pixels; /* of the image */
    tml_clamp clamp;
} tml_average_rows_params;

TML_KERNEL void tml_average_rows_s8(const tml_average_rows_params *params, const int8_t *input,
                                    int8_t *output, int32_t *sums, int32_t run)
{
    TML_ROLLED
    for (int32_t c = 0; c < params->channels; ++c) {
        int32_t sum = run == 0 ? 0 : sums[c];
        TML_ROLLED
        for (int32_t i = c; i < params->band_bytes; i += params->channels) {
            sum += input[i];
        }
        sums[c] = sum;
        if (run + 1 == params->runs) {
            const int32_t half = params->pixels / 2;
            const int32_t average = (sum > 0 ? sum + half : sum - half) / params->pixels;
            output[c] = (int8_t)tml_clamp_to(average, params->clamp.min, params->clamp.max);
        }
    }
}

#endif
