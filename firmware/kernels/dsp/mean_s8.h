/* mean_s8.h: MEAN over neighbouring outer axes for Armv7E-M, four channels at a time
 * (channel_sums.h): the global average of an image, for instance.
 *
 * Contract as in kernels/mean/s8.h with inner_reduced = 1, outer_reduced <= 256 and at
 * least four channels (middle * inner). When they are no multiple of four, the last four overlap
 * those before them.
 *
 * Instructions: 1.0 per input element, 14 per output, 40 per four outputs.
 */
#ifndef TML_DSP_MEAN_S8_H
#define TML_DSP_MEAN_S8_H

#include "kernels/dsp/channel_sums.h"
#include "kernels/mean/params.h"
#include "tml_fixedpoint.h"

TML_KERNEL void tml_dsp_mean_s8(const tml_mean_params *params, const int8_t *input, int8_t *output)
{
    const int32_t channels = params->middle * params->inner;
    for (int32_t outer = 0; outer < params->outer; ++outer) {
        TML_ROLLED
        for (int32_t c = 0; c < channels; c += 4) {
            const int32_t first = c + 4 <= channels ? c : channels - 4;
            tml_channel_sums sums = {0, 0};
            tml_channel_sums_add(&sums, input + first, channels, params->outer_reduced);
            TML_UNROLLED
            for (int32_t i = 0; i < 4; ++i) {
                const int32_t sum = tml_channel_sums_of(&sums, i) + params->sum_offset;
                const int32_t scaled
                    = tml_requantise(sum, params->requant.multiplier, params->requant.shift)
                    + params->output_offset;
                output[first + i] = (int8_t)tml_clamp_to(scaled, -128, 127);
            }
        }
        input += params->outer_reduced * channels;
        output += channels;
    }
}

#endif
