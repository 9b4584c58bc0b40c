/* GATHER_ND, elements of any size: runs of a tensor, each found by several numbers.
 *
 *   output[i] = input[at ... at + run), at = sum over k of index[i][k] * step[k]
 *
 * in bytes. A run that would begin before the input or reach beyond it is the first or the last one.
 * The output must not share memory with the input or with the numbers.
 */
#ifndef TML_GATHER_ND_S8_H
#define TML_GATHER_ND_S8_H

#include "tml_fixedpoint.h"

typedef struct {
    int32_t count;   /* of runs */
    int32_t depth;   /* numbers for each */
    int32_t step[5]; /* bytes; 0 behind the depth */
    int32_t run;
    int32_t input_bytes;
} tml_gather_nd_params;

TML_KERNEL void tml_gather_nd_s8(const tml_gather_nd_params *params, const int8_t *input,
                                 const int32_t *index, int8_t *output)
{
    TML_ROLLED
    for (int32_t i = 0; i < params->count; ++i) {
        uint32_t at = 0;
        for (int32_t k = 0; k < params->depth; ++k) {
            at += (uint32_t)*index++ * (uint32_t)params->step[k];
        }
        const int32_t from = tml_clamp_to((int32_t)at, 0, params->input_bytes - params->run);
        memcpy(output, input + from, (size_t)params->run);
        output += params->run;
    }
}

#endif
