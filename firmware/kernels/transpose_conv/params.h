/* TRANSPOSE_CONV in plain C, valid for every layer: what a layer is.
 *
 * Each input pixel spreads over kernel x kernel output pixels, which lie stride apart from those of
 * the next one. Here each output pixel gathers instead what reaches it, so that no sum has to wait:
 *
 * out[b, y, x, f] = clamp(rescale(bias[f] + sum over k_y, k_x, c of w[f, k_y, k_x, c]
 *                    * (in[b, (y + pad - k_y) / stride, (x + pad - k_x) / stride, c] + input_offset))
 *                    + output_offset)
 *
 * over the taps for which both quotients are whole and inside the image. Images are NHWC, weights
 * filter-major (OHWI). multiplier and shift have one element when !per_channel.
 */
#ifndef TML_TRANSPOSE_CONV_PARAMS_H
#define TML_TRANSPOSE_CONV_PARAMS_H

#include "tml.h"

/* One image axis. */
typedef struct {
    int32_t in;     /* input elements */
    int32_t out;    /* output elements */
    int32_t kernel; /* taps */
    int32_t stride; /* outputs from one input's first tap to the next input's */
    int32_t pad;    /* taps of the first input that lie before the first output */
} tml_spread;

typedef struct {
    int32_t batches;
    tml_spread height;
    tml_spread width;
    int32_t in_channels;
    int32_t out_channels;
    int32_t input_offset;
    bool per_channel;
    bool shifts_right; /* tml_requantise_right is valid for all channels */
    int32_t output_offset;
    tml_clamp clamp;
} tml_transpose_conv_params;

/* The taps first, first + stride ... that reach one output, from the inputs input, input - 1 ... */
typedef struct {
    int32_t first;
    int32_t input;
    int32_t count;
} tml_reaching;

TML_KERNEL tml_reaching tml_reaching_of(const tml_spread *axis, int32_t out)
{
    tml_reaching taps = {(out + axis->pad) % axis->stride, (out + axis->pad) / axis->stride, 0};
    if (taps.input >= axis->in) {
        const int32_t beyond = taps.input - axis->in + 1;
        taps.first += beyond * axis->stride;
        taps.input -= beyond;
    }
    if (taps.first < axis->kernel) {
        const int32_t left = (axis->kernel - taps.first + axis->stride - 1) / axis->stride;
        taps.count = left < taps.input + 1 ? left : taps.input + 1;
    }
    return taps;
}

#endif
