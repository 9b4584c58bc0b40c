/* pad_s8.h: PAD for Armv7E-M, whose LDR and STR take any address: borders and runs by words.
 *
 *      before           run of the input            after        a step of the innermost dimension
 *   +----------+--------------------------------+----------+
 *   | v v v v  | 16 bytes | 16 bytes | ... 1 1 1 | v v v v  |    words, then single bytes, without
 *   +----------+--------------------------------+----------+     a call
 *
 * Contract and params as in kernels/pad/s8.h. Runs are copied upwards in memory: the output never
 * stands above the input that is still to be read, wherever they share memory.
 *
 * Instructions per border: 6, 3 per word, 4 per single byte; per run: 8, 10 per 16 bytes, 4 per
 * byte of the rest.
 */
#ifndef TML_DSP_PAD_S8_H
#define TML_DSP_PAD_S8_H

#include "kernels/dsp/channel_sums.h"
#include "kernels/dsp/padded_rows.h"
#include "kernels/pad/s8.h"

TML_KERNEL int8_t *tml_dsp_pad_border(int8_t *output, int32_t value, int32_t bytes)
{
    const uint32_t four = (uint32_t)(value & 0xFF) * 0x01010101u;
    TML_ROLLED
    for (; bytes >= 4; bytes -= 4) {
        ((tml_four_bytes *)(void *)output)->bytes = four;
        output += 4;
    }
    TML_ROLLED
    for (; bytes > 0; --bytes) {
        *output++ = (int8_t)value;
    }
    return output;
}

TML_KERNEL void tml_dsp_pad_s8(const tml_pad_params *params, const int8_t *input, int8_t *output)
{
    const int32_t *const before = params->before, *const after = params->after;
    const int32_t value = params->value, run = params->count[3];
    output = tml_dsp_pad_border(output, value, before[0]);
    TML_ROLLED
    for (int32_t i0 = params->count[0]; i0 > 0; --i0) {
        output = tml_dsp_pad_border(output, value, before[1]);
        TML_ROLLED
        for (int32_t i1 = params->count[1]; i1 > 0; --i1) {
            output = tml_dsp_pad_border(output, value, before[2]);
            TML_ROLLED
            for (int32_t i2 = params->count[2]; i2 > 0; --i2) {
                output = tml_dsp_pad_border(output, value, before[3]);
                tml_dsp_copy(output, input, run);
                input += run;
                output = tml_dsp_pad_border(output + run, value, after[3]);
            }
            output = tml_dsp_pad_border(output, value, after[2]);
        }
        output = tml_dsp_pad_border(output, value, after[1]);
    }
    (void)tml_dsp_pad_border(output, value, after[0]);
}

#endif
