/* FULLY_CONNECTED in plain C, valid for every layer: what a layer is.
 *
 * out[b, o] = clamp(rescale(bias[o] + sum over i of w[o, i] * in[b, i]) + offset)
 *
 * The bias has had zero_point * sum(w) taken away beforehand, so inputs need no offset. Weights are
 * output-major. multiplier and shift have one element when !per_channel.
 */
#ifndef TML_FULLY_CONNECTED_PARAMS_H
#define TML_FULLY_CONNECTED_PARAMS_H

#include "tml.h"

typedef struct {
    int32_t batches;
    int32_t in_features;
    int32_t out_features;
    bool per_channel;
    bool shifts_right; /* tml_requantise_right is valid for all outputs */
    int32_t output_offset;
    tml_clamp clamp;
} tml_fully_connected_params;

#endif
