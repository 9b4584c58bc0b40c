/* SLICE and all that only moves values: runs of bytes, gathered in five nested loops.
 *
 * The output is written from front to back. The run with the indices i0 ... i4 begins in the input at
 * byte start + i0 * step[0] + ... + i4 * step[4]; steps may be negative. The compiler merges dimensions
 * that follow one another in memory; loops that are not needed come first and count 1. Elements of any
 * size: run is a multiple of it.
 *
 * The output may share memory with what of the input has been read before: each run is moved whole.
 */
#ifndef TML_SLICE_S8_H
#define TML_SLICE_S8_H

#include "tml.h"

typedef struct {
    int32_t count[5];
    int32_t step[5];
    int32_t start;
    int32_t run;
} tml_slice_params;

/* The innermost loop; returns where the output goes on. */
TML_KERNEL int8_t *tml_slice_runs(const tml_slice_params *params, const int8_t *input,
                                  int8_t *output)
{
    TML_ROLLED
    for (int32_t i = 0; i < params->count[4]; ++i) {
        if (params->run == 1) {
            *output = *input;
        } else {
            memmove(output, input, (size_t)params->run);
        }
        output += params->run;
        input += params->step[4];
    }
    return output;
}

TML_KERNEL void tml_slice_s8(const tml_slice_params *params, const int8_t *input, int8_t *output)
{
    const int32_t *const count = params->count;
    const int32_t *const step = params->step;
    for (int32_t i0 = 0; i0 < count[0]; ++i0) {
        for (int32_t i1 = 0; i1 < count[1]; ++i1) {
            for (int32_t i2 = 0; i2 < count[2]; ++i2) {
                const int32_t outer = i0 * step[0] + i1 * step[1] + i2 * step[2];
                const int8_t *from = input + params->start + outer;
                for (int32_t i3 = 0; i3 < count[3]; ++i3) {
                    output = tml_slice_runs(params, from, output);
                    from += step[3];
                }
            }
        }
    }
}

#endif
