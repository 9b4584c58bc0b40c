/* DEQUANTIZE to float32: output = scale * (input + input_offset).
 *
 * Both factors are exact in float32, so the product is rounded once, as in the reference, which
 * multiplies in binary64 and then rounds.
 * The input may share memory with the output's end: elements are converted in order.
 */
#ifndef TML_DEQUANTIZE_PARAMS_H
#define TML_DEQUANTIZE_PARAMS_H

#include "tml.h"

typedef struct {
    int32_t count;
    int32_t input_offset;
    float scale;
} tml_dequantize_params;

#endif
