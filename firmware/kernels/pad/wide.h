/* PAD in up to five dimensions, of elements of any size up to four bytes: the input with a border.
 *
 * As tml_pad_s8, but that the border is made of elements: of the first element_bytes bytes of value.
 */
#ifndef TML_PAD_WIDE_H
#define TML_PAD_WIDE_H

#include "tml.h"

typedef struct {
    int32_t count[5];
    int32_t before[5];
    int32_t after[5];
    int32_t value;
    int32_t element_bytes;
} tml_pad_wide_params;

TML_KERNEL int8_t *tml_pad_wide_fill(const tml_pad_wide_params *params, int8_t *output,
                                     int32_t bytes)
{
    for (int32_t i = 0; i < bytes; i += params->element_bytes) {
        memcpy(output + i, &params->value, (size_t)params->element_bytes);
    }
    return output + bytes;
}

TML_KERNEL void tml_pad_wide(const tml_pad_wide_params *params, const int8_t *input, int8_t *output)
{
    const int32_t outer = params->count[0] * params->count[1];
    output = tml_pad_wide_fill(params, output, params->before[0]);
    for (int32_t i = 0; i < outer; ++i) {
        const int32_t i1 = i % params->count[1];
        if (i1 == 0) {
            output = tml_pad_wide_fill(params, output, params->before[1]);
        }
        output = tml_pad_wide_fill(params, output, params->before[2]);
        for (int32_t i2 = 0; i2 < params->count[2]; ++i2) {
            output = tml_pad_wide_fill(params, output, params->before[3]);
            for (int32_t i3 = 0; i3 < params->count[3]; ++i3) {
                output = tml_pad_wide_fill(params, output, params->before[4]);
                memmove(output, input, (size_t)params->count[4]);
                input += params->count[4];
                output += params->count[4];
                output = tml_pad_wide_fill(params, output, params->after[4]);
            }
            output = tml_pad_wide_fill(params, output, params->after[3]);
        }
        output = tml_pad_wide_fill(params, output, params->after[2]);
        if (i1 == params->count[1] - 1) {
            output = tml_pad_wide_fill(params, output, params->after[1]);
        }
    }
    (void)tml_pad_wide_fill(params, output, params->after[0]);
}

#endif
