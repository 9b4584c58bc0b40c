/* Absolute values of 16-bit integers: output = min(|input|, 32767).
 *
 * The output may be the input, in place.
 */
#ifndef TML_MORE_ABS_S16_H
#define TML_MORE_ABS_S16_H

#include "tml.h"

typedef struct {
    int32_t count; /* elements */
} tml_more_abs_params;

TML_KERNEL void tml_more_abs_s16(const tml_more_abs_params *params, const int16_t *input,
                                 int16_t *output)
{
    for (int32_t i = 0; i < params->count; ++i) {
        const int32_t value = input[i] < 0 ? -(int32_t)input[i] : input[i];
        output[i] = (int16_t)(value > INT16_MAX ? INT16_MAX : value);
    }
}

#endif
