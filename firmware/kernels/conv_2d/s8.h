/* CONV_2D in plain C, valid for every layer.
 *
 * out[b, y, x, f] = clamp(rescale(bias[f] + sum over k_y, k_x, c of w[f, k_y, k_x, c]
 *                    * (in[b, y * stride - pad + k_y * dilation, ..., c] + input_offset)) + offset)
 *
 * Taps in the padding are left out. Where there is no padding the compiler folds the input's zero
 * point into the bias and input_offset is 0. Images are NHWC, weights filter-major (OHWI). With
 * groups, filter f sees only the channels of its group. Output pixels are finished one after the
 * other; four filters at a time share each loaded input.
 * multiplier and shift have one element when !per_channel.
 */
#ifndef TML_CONV_2D_S8_H
#define TML_CONV_2D_S8_H

#include "tml.h"
#include "tml_fixedpoint.h"
#include "tml_window.h"

typedef struct {
    int32_t batches;
    tml_window height;
    tml_window width;
    int32_t in_channels;
    int32_t out_channels;
    int32_t groups; /* divides both */
    int32_t input_offset;
    bool per_channel;
    bool shifts_right; /* tml_requantise_right is valid for all channels */
    int32_t output_offset;
    tml_clamp clamp;
} tml_conv_2d_params;

/* The constants of some filters of a layer. */
typedef struct {
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} tml_conv_2d_filters;

/* What the window of one output pixel covers. */
typedef struct {
    const int8_t *input; /* under the first tap inside the image */
    int32_t rows;        /* taps inside the image */
    int32_t columns;
} tml_conv_2d_view;

/* Adds the products of `count` filters, 1 or 4, with the inputs of a view to sums. */
TML_KERNEL void tml_conv_2d_dot(const tml_conv_2d_params *params, const tml_conv_2d_view *view,
                                const int8_t *weights, int32_t count, int32_t *sums)
{
    const int32_t depth = params->in_channels / params->groups;
    const int32_t next = params->height.kernel * params->width.kernel * depth; /* filter */
    /* Dense taps of whole pixels are one run of bytes in the input and in the filter. */
    const bool is_dense = params->groups == 1 && params->width.dilation == 1;
    const int32_t runs = is_dense ? 1 : view->columns;
    const int32_t length = is_dense ? view->columns * depth : depth;
    const int32_t run_step = params->width.dilation * params->in_channels;
    const int32_t row_step = params->height.dilation * params->width.in * params->in_channels;
    const int8_t *row = view->input;

    TML_ROLLED
    for (int32_t k_y = 0; k_y < view->rows; ++k_y) {
        TML_ROLLED
        for (int32_t run = 0; run < runs; ++run) {
            const int8_t *x = row + run * run_step;
            const int8_t *w = weights + run * depth;
            const int8_t *end = x + length;
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
        row += row_step;
        weights += params->width.kernel * depth;
    }
}

/* One output of filter i. */
TML_KERNEL int8_t tml_conv_2d_output(const tml_conv_2d_params *params,
                                     const tml_conv_2d_filters *filters, int32_t i, int32_t sum)
{
    const int32_t k = params->per_channel ? i : 0;
    const int32_t multiplier = filters->multiplier[k];
    const int32_t shift = filters->shift[k];
    const int32_t scaled = params->shifts_right ? tml_requantise_right(sum, multiplier, shift)
                                                : tml_requantise(sum, multiplier, shift);
    return (int8_t)tml_clamp_to(scaled + params->output_offset, params->clamp.min,
                                params->clamp.max);
}

/* The outputs of `end` filters for one view. */
TML_KERNEL void tml_conv_2d_pixel(const tml_conv_2d_params *params, const tml_conv_2d_view *view,
                                  const tml_conv_2d_filters *filters, int32_t end, int8_t *output)
{
    const int32_t taps = params->height.kernel * params->width.kernel;
    const int32_t filter = taps * (params->in_channels / params->groups);
    const int8_t *weights = filters->weights;
    int32_t f = 0;
    TML_ROLLED
    for (; f < (end & ~3); f += 4) {
        const int32_t *bias = filters->bias + f;
        int32_t sums[4] = {bias[0], bias[1], bias[2], bias[3]};
        tml_conv_2d_dot(params, view, weights, 4, sums);
        TML_ROLLED
        for (int32_t i = 0; i < 4; ++i) {
            output[f + i] = tml_conv_2d_output(params, filters, f + i, sums[i]);
        }
        weights += 4 * filter;
    }
    TML_ROLLED
    for (; f < end; ++f) {
        int32_t sum = filters->bias[f];
        tml_conv_2d_dot(params, view, weights, 1, &sum);
        output[f] = tml_conv_2d_output(params, filters, f, sum);
        weights += filter;
    }
}

TML_KERNEL void tml_conv_2d_s8(const tml_conv_2d_params *params, const int8_t *input,
                               const int8_t *weights, const int32_t *bias,
                               const int32_t *multiplier, const int8_t *shift, int8_t *output)
{
    const tml_window *height = &params->height;
    const tml_window *width = &params->width;
    const int32_t depth = params->in_channels / params->groups;
    const int32_t per_group = params->out_channels / params->groups;
    const int32_t filter = height->kernel * width->kernel * depth;

    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t out_y = 0; out_y < height->out; ++out_y) {
            const tml_taps rows = tml_taps_of(height, out_y);
            const int32_t in_y = rows.input + rows.start * height->dilation;
            TML_ROLLED
            for (int32_t out_x = 0; out_x < width->out; ++out_x) {
                const tml_taps columns = tml_taps_of(width, out_x);
                const int32_t in_x = columns.input + columns.start * width->dilation;
                tml_conv_2d_view view
                    = {input + (in_y * width->in + in_x) * params->in_channels,
                       rows.end - rows.start, columns.end - columns.start};
                tml_conv_2d_filters filters
                    = {weights + (rows.start * width->kernel + columns.start) * depth, bias,
                       multiplier, shift};
                TML_ROLLED
                for (int32_t group = 0; group < params->groups; ++group) {
                    tml_conv_2d_pixel(params, &view, &filters, per_group, output);
                    view.input += depth;
                    filters.weights += per_group * filter;
                    filters.bias += per_group;
                    filters.multiplier += params->per_channel ? per_group : 0;
                    filters.shift += params->per_channel ? per_group : 0;
                    output += per_group;
                }
            }
        }
        input += height->in * width->in * params->in_channels;
    }
}

#endif
