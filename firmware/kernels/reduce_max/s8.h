/* REDUCE_MAX and REDUCE_MIN in plain C, over up to two runs of neighbouring axes.
 *
 * out[o, m, i] = max over r, s of in[o, r, m, s, i], or min
 *
 * The input is seen as [outer, outer_reduced, middle, inner_reduced, inner].
 */
#ifndef TML_REDUCE_MAX_S8_H
#define TML_REDUCE_MAX_S8_H

#include "tml.h"

typedef struct {
    int32_t outer;
    int32_t outer_reduced;
    int32_t middle;
    int32_t inner_reduced;
    int32_t inner;
} tml_reduce_max_params;

TML_KERNEL void tml_reduce_extreme(const tml_reduce_max_params *params, const int8_t *input,
                                   int8_t *output, bool is_max)
{
    const int32_t inner_bytes = params->inner_reduced * params->inner;
    const int32_t middle_bytes = params->middle * inner_bytes;

    for (int32_t outer = 0; outer < params->outer; ++outer) {
        for (int32_t middle = 0; middle < params->middle; ++middle) {
            TML_ROLLED
            for (int32_t inner = 0; inner < params->inner; ++inner) {
                const int8_t *run = input + middle * inner_bytes + inner;
                int32_t found = *run;
                TML_ROLLED
                for (int32_t i = 0; i < params->outer_reduced; ++i) {
                    TML_ROLLED
                    for (int32_t k = 0; k < inner_bytes; k += params->inner) {
                        const int32_t value = run[k];
                        found = (is_max ? value > found : value < found) ? value : found;
                    }
                    run += middle_bytes;
                }
                *output++ = (int8_t)found;
            }
        }
        input += params->outer_reduced * middle_bytes;
    }
}

TML_KERNEL void tml_reduce_max_s8(const tml_reduce_max_params *params, const int8_t *input,
                                  int8_t *output)
{
    tml_reduce_extreme(params, input, output, true);
}

TML_KERNEL void tml_reduce_min_s8(const tml_reduce_max_params *params, const int8_t *input,
                                  int8_t *output)
{
    tml_reduce_extreme(params, input, output, false);
}

#endif
