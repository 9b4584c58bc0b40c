/* BROADCAST_ARGS: the shape that two shapes broadcast to, aligned at their ends.
 *
 * Of each pair of sizes the first one, or the second one where the first is 1; the shorter shape has
 * ones in front. Output and inputs must not share memory.
 */
#ifndef TML_BROADCAST_ARGS_PARAMS_H
#define TML_BROADCAST_ARGS_PARAMS_H

#include "tml.h"

typedef struct {
    int32_t rank1;
    int32_t rank2;
} tml_broadcast_args_params;

#endif
