/* Halves of 8-bit integers, rounded towards zero: output = input / 2.
 *
 * The output may be the input, in place.
 */
#ifndef TML_MORE_HALVE_S8_H
#define TML_MORE_HALVE_S8_H

#include "tml.h"

typedef struct {
    int32_t count; /* elements */
} tml_more_halve_params;

TML_KERNEL void tml_more_halve_s8(const tml_more_halve_params *params, const int8_t *input,
                                  int8_t *output)
{
    for (int32_t i = 0; i < params->count; ++i) {
        output[i] = (int8_t)(input[i] / 2);
    }
}

#endif
