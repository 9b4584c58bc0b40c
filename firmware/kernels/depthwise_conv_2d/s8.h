/* DEPTHWISE_CONV_2D in plain C, valid for every layer.
 *
 * out[b, y, x, f] = clamp(rescale(bias[f] + sum over k_y, k_x of w[f, k_y, k_x]
 *     * (in[b, y * stride - pad + k_y * dilation, ..., f / multiplier] + input_offset)) + offset)
 *
 * Taps in the padding are left out. Where there is no padding the compiler folds the input's zero
 * point into the bias and input_offset is 0. Images are NHWC; the taps of a filter lie together.
 * Output pixels are finished one after the other. Windows inside the image have constant bounds, so
 * that their loops are unrolled when they are short.
 * multiplier and shift have one element when !per_channel.
 */
#ifndef TML_DEPTHWISE_CONV_2D_S8_H
#define TML_DEPTHWISE_CONV_2D_S8_H

#include "tml.h"
#include "tml_fixedpoint.h"
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

/* The constants of a layer. */
typedef struct {
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} tml_depthwise_conv_2d_filters;

/* One output of filter f. */
TML_KERNEL int8_t tml_depthwise_conv_2d_output(const tml_depthwise_conv_2d_params *params,
                                               const tml_depthwise_conv_2d_filters *filters,
                                               int32_t f, int32_t sum)
{
    const int32_t k = params->per_channel ? f : 0;
    const int32_t multiplier = filters->multiplier[k];
    const int32_t shift = filters->shift[k];
    const int32_t scaled = params->shifts_right
        ? tml_requantise_right(sum + filters->bias[f], multiplier, shift)
        : tml_requantise(sum + filters->bias[f], multiplier, shift);
    return (int8_t)tml_clamp_to(scaled + params->output_offset, params->clamp.min,
                                params->clamp.max);
}

/* Sum of the products of one filter whose window lies inside the image. */
TML_KERNEL int32_t tml_depthwise_conv_2d_inside(const tml_depthwise_conv_2d_params *params,
                                                const int8_t *input, const int8_t *weights)
{
    const int32_t step = params->width.dilation * params->in_channels;
    const int32_t row_step = params->height.dilation * params->width.in * params->in_channels;
    int32_t sum = 0;
    for (int32_t k_y = 0; k_y < params->height.kernel; ++k_y) {
        for (int32_t k_x = 0; k_x < params->width.kernel; ++k_x) {
            sum += (input[k_y * row_step + k_x * step] + params->input_offset) * *weights++;
        }
    }
    return sum;
}

/* The same for a window that hangs over the border; input is under tap 0. */
TML_KERNEL int32_t tml_depthwise_conv_2d_border(const tml_depthwise_conv_2d_params *params,
                                                const int8_t *input, const int8_t *weights,
                                                const tml_taps *rows, const tml_taps *columns)
{
    const int32_t step = params->width.dilation * params->in_channels;
    const int32_t row_step = params->height.dilation * params->width.in * params->in_channels;
    int32_t sum = 0;
    input += rows->start * row_step + columns->start * step;
    weights += rows->start * params->width.kernel + columns->start;
    TML_ROLLED
    for (int32_t k_y = rows->start; k_y < rows->end; ++k_y) {
        const int8_t *x = input;
        const int8_t *w = weights;
        TML_OPAQUE(x);
        TML_OPAQUE(w);
        TML_ROLLED
        for (int32_t k_x = columns->start; k_x < columns->end; ++k_x) {
            sum += (*x + params->input_offset) * *w++;
            x += step;
        }
        input += row_step;
        weights += params->width.kernel;
    }
    return sum;
}

TML_KERNEL void tml_depthwise_conv_2d_s8(const tml_depthwise_conv_2d_params *params,
                                         const int8_t *input, const int8_t *weights,
                                         const int32_t *bias, const int32_t *multiplier,
                                         const int8_t *shift, int8_t *output)
{
    const tml_window *height = &params->height;
    const tml_window *width = &params->width;
    const tml_depthwise_conv_2d_filters filters = {weights, bias, multiplier, shift};
    const int32_t out_channels = params->in_channels * params->depth_multiplier;
    const int32_t taps = height->kernel * width->kernel;

    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t out_y = 0; out_y < height->out; ++out_y) {
            const tml_taps rows = tml_taps_of(height, out_y);
            TML_ROLLED
            for (int32_t out_x = 0; out_x < width->out; ++out_x) {
                const tml_taps columns = tml_taps_of(width, out_x);
                const bool is_inside
                    = tml_taps_are_all(height, &rows) && tml_taps_are_all(width, &columns);
                const int8_t *corner
                    = input + (rows.input * width->in + columns.input) * params->in_channels;
                TML_ROLLED
                for (int32_t f = 0; f < out_channels; ++f) {
                    const int8_t *x = corner + f / params->depth_multiplier;
                    const int8_t *w = weights + f * taps;
                    const int32_t sum = is_inside
                        ? tml_depthwise_conv_2d_inside(params, x, w)
                        : tml_depthwise_conv_2d_border(params, x, w, &rows, &columns);
                    output[f] = tml_depthwise_conv_2d_output(params, &filters, f, sum);
                }
                output += out_channels;
            }
        }
        input += height->in * width->in * params->in_channels;
    }
}

#endif
