/* Any map of one 8-bit value to another: output = table[byte of input].
 *
 * The table has 256 entries, indexed by the input's byte read as an unsigned number (so entry 128 is
 * for the int8 value -128). Serves unsigned types as well: only bytes move.
 * The output may be the input, in place.
 */
#ifndef TML_LOOKUP_S8_H
#define TML_LOOKUP_S8_H

#include "tml.h"

typedef struct {
    int32_t count; /* elements */
} tml_lookup_params;

TML_KERNEL void tml_lookup_s8(const tml_lookup_params *params, const int8_t *input,
                              const int8_t *table, int8_t *output)
{
    for (int32_t i = 0; i < params->count; ++i) {
        output[i] = table[(uint8_t)input[i]];
    }
}

#endif
