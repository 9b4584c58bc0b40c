/* ARG_MAX and ARG_MIN: the number of the first of the greatest or least values along an axis.
 *
 *   output[outer][inner] = the first k for which input[outer][k][inner] is extreme
 *
 * Input and output must not share memory: an element of the output is larger.
 */
#ifndef TML_ARG_MAX_PARAMS_H
#define TML_ARG_MAX_PARAMS_H

#include "tml.h"

typedef struct {
    int32_t outer;
    int32_t depth; /* of the axis */
    int32_t inner;
} tml_arg_max_params;

#endif
