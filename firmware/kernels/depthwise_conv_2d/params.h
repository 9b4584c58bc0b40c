/* DEPTHWISE_CONV_2D in plain C, valid for every layer: what a layer is.
 *
 * out[b, y, x, f] = clamp(rescale(bias[f] + sum over k_y, k_x of w[f, k_y, k_x]
 *     * (in[b, y * stride - pad + k_y * dilation, ..., f / multiplier] + input_offset)) + offset)
 *
 * Taps in the padding are left out. Where there is no padding the compiler folds the input's zero
 * point into the bias and input_offset is 0. Images are NHWC; the taps of a filter lie together.
 * multiplier and shift have one element when !per_channel.
 */
#ifndef TML_DEPTHWISE_CONV_2D_PARAMS_H
#define TML_DEPTHWISE_CONV_2D_PARAMS_H

#include "tml.h"
#include "tml_window.h"

typedef struct {
    int32_t batches;
    tml_window height;
    tml_window width;
    int32_t in_channels;
    int32_t depth_multiplier; /* filters per input channel */
    int32_t input_offset;
    bool per_channel;
    bool shifts_right; /* tml_requantise_right is valid for all channels */
    int32_t output_offset;
    tml_clamp clamp;
} tml_depthwise_conv_2d_params;

#endif
