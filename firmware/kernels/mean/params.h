/* MEAN in plain C, over up to two runs of neighbouring axes.
 *
 * out[o, m, i] = clamp(rescale(sum over r, s of in[o, r, m, s, i] + sum_offset) + output_offset)
 *
 * The input is seen as [outer, outer_reduced, middle, inner_reduced, inner]. sum_offset takes the
 * input's zero point from every summed element; requant divides by their number.
 */
#ifndef TML_MEAN_PARAMS_H
#define TML_MEAN_PARAMS_H

#include "tml.h"

typedef struct {
    int32_t outer;
    int32_t outer_reduced;
    int32_t middle;
    int32_t inner_reduced;
    int32_t inner;
    int32_t sum_offset;
    int32_t output_offset;
    tml_requant requant;
} tml_mean_params;

#endif
