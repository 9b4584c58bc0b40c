/* SVDF: a fully connected layer in two steps, filters over the input and then over time.
 *
 *   new[f]      = clamp to the state's type(requantise(sum over i of (input[i] + input_offset) * feature[f][i]))
 *   state[f]    loses its oldest value and gets new[f] + state_offset behind the others
 *   output[u]   = clamp(requantise(bias[u] + sum over the rank filters f of u and t of
 *                      (state[f][t] - state_offset) * time[f][t]) + output_offset)
 *
 * for each batch. The first sum fits 32 bits, the second one wraps; so does new[f] + state_offset, of
 * which the state keeps the low bits.
 * Source: TensorFlow Lite Micro, EvalIntegerSvdfReference.
 */
#ifndef TML_SVDF_PARAMS_H
#define TML_SVDF_PARAMS_H

#include "tml_fixedpoint.h"

typedef struct {
    int32_t batches;
    int32_t in_features;
    int32_t units;
    int32_t rank;   /* filters of a unit */
    int32_t memory; /* values that a filter keeps */
    int32_t input_offset;
    int32_t state_offset; /* zero point of the state */
    int32_t output_offset;
    tml_requant state_requant;
    tml_requant output_requant;
} tml_svdf_params;

#endif
