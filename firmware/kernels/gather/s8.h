/* GATHER, int8: rows of a table, by number; an embedding, for instance.
 *
 *   output[batch][outer][i] = input[batch][outer][index[batch][i]], each a run of bytes
 *
 * Numbers outside of the table mean its first or last row. The output must not share memory with the
 * input or with the numbers.
 */
#ifndef TML_GATHER_S8_H
#define TML_GATHER_S8_H

#include "tml_fixedpoint.h"

typedef struct {
    int32_t batches;
    int32_t outer;
    int32_t rows;  /* of the table */
    int32_t count; /* of numbers */
    int32_t run;
} tml_gather_params;

TML_KERNEL void tml_gather_s8(const tml_gather_params *params, const int8_t *input,
                              const int32_t *index, int8_t *output)
{
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        for (int32_t outer = 0; outer < params->outer; ++outer) {
            TML_ROLLED
            for (int32_t i = 0; i < params->count; ++i) {
                const int32_t row = tml_clamp_to(index[i], 0, params->rows - 1);
                memcpy(output, input + row * params->run, (size_t)params->run);
                output += params->run;
            }
            input += params->rows * params->run;
        }
        index += params->count;
    }
}

#endif
