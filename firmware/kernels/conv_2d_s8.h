/* conv_2d_s8.h: CONV_2D in plain C, valid for every layer.
 *
 * out[b, y, x, f] = clamp(rescale(bias[f] + sum over k_y, k_x, c of
 *                    w[f, k_y, k_x, c] * in[b, y * stride - pad + k_y * dilation, ..., c]) + offset)
 *
 * Padding counts as padding_value, which is the input's zero point: the bias has had
 * zero_point * sum(w) taken away beforehand, so inputs need no offset. Images are NHWC, weights
 * filter-major (OHWI). With groups, filter f sees only the channels of its group. Output pixels are
 * finished one after the other; four filters at a time share each loaded input.
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
    bool per_channel;
    int32_t padding_value;
    int32_t output_offset;
    tml_clamp clamp;
} tml_conv_2d_params;

/* Where the window of one output pixel lies: taps inside the image and the first input under them. */
typedef struct {
    tml_taps rows;
    tml_taps columns;
    const int8_t *input;
    bool is_whole;
} tml_conv_2d_place;

/* Sum of the weights of a filter whose taps lie in the padding. */
static TML_NOINLINE __attribute__((unused)) int32_t tml_conv_2d_outside(
    const int8_t *filter, const tml_conv_2d_place *place, int32_t kernel_h, int32_t kernel_w,
    int32_t depth)
{
    int32_t sum = 0;
    for (int32_t k_y = 0; k_y < kernel_h; ++k_y) {
        const bool row_inside = k_y >= place->rows.start && k_y < place->rows.end;
        for (int32_t k_x = 0; k_x < kernel_w; ++k_x) {
            const bool inside = k_x >= place->columns.start && k_x < place->columns.end;
            for (int32_t i = 0; i < depth; ++i) {
                sum += row_inside && inside ? 0 : filter[i];
            }
            filter += depth;
        }
    }
    return sum;
}

/* Adds the products of `count` filters, 1 or 4, with the inputs of one place to sums. */
TML_KERNEL void tml_conv_2d_dot(const tml_conv_2d_params *params, const tml_conv_2d_place *place,
                                const int8_t *filters, int32_t count, int32_t *sums)
{
    const int32_t depth = params->in_channels / params->groups;
    const int32_t next = params->height.kernel * params->width.kernel * depth; /* filter */
    const int32_t taps = place->columns.end - place->columns.start;
    /* Dense taps of whole pixels are one run of bytes in the input and in the filter. */
    const bool is_dense = params->groups == 1 && params->width.dilation == 1;
    const int32_t runs = is_dense ? 1 : taps;
    const int32_t length = is_dense ? taps * depth : depth;
    const int32_t run_step = params->width.dilation * params->in_channels;
    const int32_t row_step = params->height.dilation * params->width.in * params->in_channels;

    const int8_t *row = place->input;
    const int8_t *weights_row
        = filters + (place->rows.start * params->width.kernel + place->columns.start) * depth;
    int32_t sum_0 = sums[0];
    int32_t sum_1 = count > 1 ? sums[1] : 0;
    int32_t sum_2 = count > 1 ? sums[2] : 0;
    int32_t sum_3 = count > 1 ? sums[3] : 0;
    TML_ROLLED
    for (int32_t k_y = place->rows.start; k_y < place->rows.end; ++k_y) {
        const int8_t *x = row;
        const int8_t *w = weights_row;
        TML_ROLLED
        for (int32_t run = 0; run < runs; ++run) {
            TML_ROLLED
            for (int32_t i = 0; i < length; ++i) {
                const int32_t value = x[i];
                sum_0 += value * w[i];
                if (count > 1) {
                    sum_1 += value * w[i + next];
                    sum_2 += value * w[i + 2 * next];
                    sum_3 += value * w[i + 3 * next];
                }
            }
            x += run_step;
            w += depth;
        }
        row += row_step;
        weights_row += params->width.kernel * depth;
    }
    sums[0] = sum_0;
    if (count > 1) {
        sums[1] = sum_1;
        sums[2] = sum_2;
        sums[3] = sum_3;
    }
}

/* The outputs of `count` filters, 1 or 4, from `first` on at one place. */
TML_KERNEL void tml_conv_2d_filters(const tml_conv_2d_params *params,
                                    const tml_conv_2d_place *place, const int8_t *weights,
                                    const int32_t *bias, const int32_t *multiplier,
                                    const int8_t *shift, int32_t count, int8_t *output)
{
    const int32_t depth = params->in_channels / params->groups;
    const int32_t next = params->height.kernel * params->width.kernel * depth;
    int32_t sums[4];
    for (int32_t i = 0; i < count; ++i) {
        sums[i] = bias[i];
    }
    tml_conv_2d_dot(params, place, weights, count, sums);
    TML_ROLLED
    for (int32_t i = 0; i < count; ++i) {
        int32_t sum = sums[i];
        if (!place->is_whole) {
            sum += params->padding_value
                * tml_conv_2d_outside(weights + i * next, place, params->height.kernel,
                                      params->width.kernel, depth);
        }
        const int32_t k = params->per_channel ? i : 0;
        const int32_t scaled
            = tml_requantise(sum, multiplier[k], shift[k]) + params->output_offset;
        output[i] = (int8_t)tml_clamp_to(scaled, params->clamp.min, params->clamp.max);
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

    for (int32_t batch = 0; batch < params->batches; ++batch) {
        for (int32_t out_y = 0; out_y < height->out; ++out_y) {
            tml_conv_2d_place place;
            place.rows = tml_taps_of(height, out_y);
            const int32_t in_y = place.rows.input + place.rows.start * height->dilation;
            for (int32_t out_x = 0; out_x < width->out; ++out_x) {
                place.columns = tml_taps_of(width, out_x);
                place.is_whole = tml_taps_are_all(height, &place.rows)
                    && tml_taps_are_all(width, &place.columns);
                const int32_t in_x = place.columns.input + place.columns.start * width->dilation;
                place.input = input + (in_y * width->in + in_x) * params->in_channels;
                for (int32_t group = 0; group < params->groups; ++group) {
                    int32_t out_c = group * per_group;
                    const int32_t end = out_c + per_group;
                    for (; out_c + 4 <= end; out_c += 4) {
                        const int32_t k = params->per_channel ? out_c : 0;
                        tml_conv_2d_filters(params, &place, weights + out_c * filter, bias + out_c,
                                            multiplier + k, shift + k, 4, output + out_c);
                    }
                    for (; out_c < end; ++out_c) {
                        const int32_t k = params->per_channel ? out_c : 0;
                        tml_conv_2d_filters(params, &place, weights + out_c * filter, bias + out_c,
                                            multiplier + k, shift + k, 1, output + out_c);
                    }
                    place.input += depth;
                }
                output += params->out_channels;
            }
        }
        input += height->in * width->in * params->in_channels;
    }
}

#endif
