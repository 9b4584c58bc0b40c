/* TRANSPOSE_CONV in plain C, valid for every layer.
 *
 * Each input pixel spreads over kernel x kernel output pixels, which lie stride apart from those of
 * the next one. Here each output pixel gathers instead what reaches it, so that no sum has to wait:
 *
 * out[b, y, x, f] = clamp(rescale(bias[f] + sum over k_y, k_x, c of w[f, k_y, k_x, c]
 *                    * (in[b, (y + pad - k_y) / stride, (x + pad - k_x) / stride, c] + input_offset))
 *                    + output_offset)
 *
 * over the taps for which both quotients are whole and inside the image. Images are NHWC, weights
 * filter-major (OHWI). Four filters at a time share each loaded input. multiplier and shift have one
 * element when !per_channel.
 */
#ifndef TML_TRANSPOSE_CONV_S8_H
#define TML_TRANSPOSE_CONV_S8_H

#include "tml.h"
#include "tml_fixedpoint.h"

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

/* What one output pixel gathers. */
typedef struct {
    const int8_t *input; /* below the first tap of both axes */
    int32_t weights;     /* offset of that tap in a filter */
    int32_t rows;
    int32_t columns;
} tml_transpose_conv_view;

/* The constants of a layer. */
typedef struct {
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} tml_transpose_conv_filters;

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

/* Adds the products of `count` filters, 1 or 4, with the inputs of a view to sums. */
TML_KERNEL void tml_transpose_conv_dot(const tml_transpose_conv_params *params,
                                       const tml_transpose_conv_view *view, const int8_t *weights,
                                       int32_t count, int32_t *sums)
{
    const int32_t depth = params->in_channels;
    const int32_t row = params->width.kernel * depth;
    const int32_t next = params->height.kernel * row; /* filter */
    TML_ROLLED
    for (int32_t k_y = 0; k_y < view->rows; ++k_y) {
        TML_ROLLED
        for (int32_t k_x = 0; k_x < view->columns; ++k_x) {
            const int8_t *x = view->input - (k_y * params->width.in + k_x) * depth;
            const int8_t *w = weights + view->weights + k_y * params->height.stride * row
                + k_x * params->width.stride * depth;
            const int8_t *end = x + depth;
            TML_OPAQUE(x);
            TML_OPAQUE(w);
            TML_OPAQUE(end);
            TML_ROLLED
            for (; x != end; ++x, ++w) {
                const int32_t value = *x + params->input_offset;
                sums[0] += value * w[0];
                if (count == 4) {
                    sums[1] += value * w[next];
                    sums[2] += value * w[2 * next];
                    sums[3] += value * w[3 * next];
                }
            }
        }
    }
}

/* One output of filter f. */
TML_KERNEL int8_t tml_transpose_conv_output(const tml_transpose_conv_params *params,
                                            const tml_transpose_conv_filters *filters, int32_t f,
                                            int32_t sum)
{
    const int32_t k = params->per_channel ? f : 0;
    const int32_t multiplier = filters->multiplier[k];
    const int32_t shift = filters->shift[k];
    const int32_t scaled = params->shifts_right ? tml_requantise_right(sum, multiplier, shift)
                                                : tml_requantise(sum, multiplier, shift);
    return (int8_t)tml_clamp_to(scaled + params->output_offset, params->clamp.min,
                                params->clamp.max);
}

/* All outputs of one pixel. */
TML_KERNEL void tml_transpose_conv_pixel(const tml_transpose_conv_params *params,
                                         const tml_transpose_conv_view *view,
                                         const tml_transpose_conv_filters *filters, int8_t *output)
{
    const int32_t filter = params->height.kernel * params->width.kernel * params->in_channels;
    const int8_t *weights = filters->weights;
    const int32_t end = params->out_channels;
    int32_t f = 0;
    TML_ROLLED
    for (; f < (end & ~3); f += 4) {
        const int32_t *bias = filters->bias + f;
        int32_t sums[4] = {bias[0], bias[1], bias[2], bias[3]};
        tml_transpose_conv_dot(params, view, weights, 4, sums);
        TML_ROLLED
        for (int32_t i = 0; i < 4; ++i) {
            output[f + i] = tml_transpose_conv_output(params, filters, f + i, sums[i]);
        }
        weights += 4 * filter;
    }
    TML_ROLLED
    for (; f < end; ++f) {
        int32_t sum = filters->bias[f];
        tml_transpose_conv_dot(params, view, weights, 1, &sum);
        output[f] = tml_transpose_conv_output(params, filters, f, sum);
        weights += filter;
    }
}

TML_KERNEL void tml_transpose_conv_s8(const tml_transpose_conv_params *params, const int8_t *input,
                                      const int8_t *weights, const int32_t *bias,
                                      const int32_t *multiplier, const int8_t *shift,
                                      int8_t *output)
{
    const tml_spread *height = &params->height;
    const tml_spread *width = &params->width;
    const int32_t depth = params->in_channels;
    const tml_transpose_conv_filters filters = {weights, bias, multiplier, shift};

    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t out_y = 0; out_y < height->out; ++out_y) {
            const tml_reaching rows = tml_reaching_of(height, out_y);
            TML_ROLLED
            for (int32_t out_x = 0; out_x < width->out; ++out_x) {
                const tml_reaching columns = tml_reaching_of(width, out_x);
                const tml_transpose_conv_view view
                    = {input + (rows.input * width->in + columns.input) * depth,
                       (rows.first * width->kernel + columns.first) * depth, rows.count,
                       columns.count};
                tml_transpose_conv_pixel(params, &view, &filters, output);
                output += params->out_channels;
            }
        }
        input += height->in * width->in * depth;
    }
}

#endif
