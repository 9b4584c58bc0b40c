/* PRELU with slopes that are broadcast.
 *
 *   x      = input + input_offset
 *   output = clamp(output_offset + (x >= 0 ? requantise(x, positive)
 *                                          : requantise(x * (slope + slope_offset), negative)))
 *
 * Four nested loops of `count` steps go through input and output in order; in a step of loop i the
 * position among the slopes advances by step[i] elements (0 where they are broadcast). Loops that
 * are not needed come first and count 1.
 *
 * negative.shift <= 15 and positive.shift <= 22, so nothing overflows. The output may be the input,
 * in place. Source of the arithmetic: TensorFlow Lite, reference_ops::BroadcastPrelu4DSlow.
 */
#ifndef TML_PRELU_PARAMS_H
#define TML_PRELU_PARAMS_H

#include "tml.h"

typedef struct {
    int32_t count[4];
    int32_t step[4];
    int32_t input_offset;
    int32_t slope_offset;
    tml_requant positive;
    tml_requant negative;
    int32_t output_offset;
} tml_prelu_params;

#endif
