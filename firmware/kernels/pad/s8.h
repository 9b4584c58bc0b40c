/* PAD, int8, four dimensions: the input with a border of `value`.
 *
 * count[0..2] are loops, count[3] is a run of bytes that is copied as a whole. before[i] and after[i]
 * are bytes of border around dimension i, for one step of the dimensions outside it. The compiler
 * merges dimensions without a border into the one outside them; unused ones come first and count 1.
 *
 * The input may share memory with the output's end: each run is moved when all before it is done.
 */
#ifndef TML_PAD_S8_H
#define TML_PAD_S8_H

#include "tml.h"

typedef struct {
    int32_t count[4];
    int32_t before[4];
    int32_t after[4];
    int32_t value;
} tml_pad_params;

TML_KERNEL int8_t *tml_pad_fill(int8_t *output, int32_t value, int32_t bytes)
{
    if (bytes > 0) {
        memset(output, value, (size_t)bytes);
    }
    return output + bytes;
}

TML_KERNEL void tml_pad_s8(const tml_pad_params *params, const int8_t *input, int8_t *output)
{
    output = tml_pad_fill(output, params->value, params->before[0]);
    for (int32_t i0 = 0; i0 < params->count[0]; ++i0) {
        output = tml_pad_fill(output, params->value, params->before[1]);
        for (int32_t i1 = 0; i1 < params->count[1]; ++i1) {
            output = tml_pad_fill(output, params->value, params->before[2]);
            for (int32_t i2 = 0; i2 < params->count[2]; ++i2) {
                output = tml_pad_fill(output, params->value, params->before[3]);
                memmove(output, input, (size_t)params->count[3]);
                input += params->count[3];
                output += params->count[3];
                output = tml_pad_fill(output, params->value, params->after[3]);
            }
            output = tml_pad_fill(output, params->value, params->after[2]);
        }
        output = tml_pad_fill(output, params->value, params->after[1]);
    }
    (void)tml_pad_fill(output, params->value, params->after[0]);
}

#endif
