/* REDUCE_MAX and REDUCE_MIN in plain C, over up to two runs of neighbouring axes.
 *
 * out[o, m, i] = max over r, s of in[o, r, m, s, i], or min
 *
 * The input is seen as [outer, outer_reduced, middle, inner_reduced, inner].
 */
#ifndef TML_REDUCE_MAX_PARAMS_H
#define TML_REDUCE_MAX_PARAMS_H

#include "tml.h"

typedef struct {
    int32_t outer;
    int32_t outer_reduced;
    int32_t middle;
    int32_t inner_reduced;
    int32_t inner;
} tml_reduce_max_params;

#endif
