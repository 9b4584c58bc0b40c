/* CONV_2D: params.h says what it computes, kernels/types/type.h how this is included.
 *
 * Output pixels are finished one after the other; four filters at a time share each loaded input.
 */

/* What the window of one output pixel covers. */
typedef struct {
    const TML_OF(tml_value) *input; /* under the first tap inside the image */
    int32_t rows;                   /* taps inside the image */
    int32_t columns;
} TML_OWN(view);

/* Weights of one filter. */
TML_KERNEL int32_t TML_OWN(filter_length)(const TML_OWN(params) *params)
{
    const int32_t taps = params->height.kernel * params->width.kernel;
    return taps * (params->in_channels / params->groups);
}

/* Adds the products of `count` filters, 1 or 4, with the inputs of a view to sums. */
TML_KERNEL void TML_OWN(dot)(const TML_OWN(params) *params, const TML_OWN(view) *view,
                             TML_OF(tml_weights) weights, int32_t count, TML_OF(tml_sum) *sums)
{
    const int32_t depth = params->in_channels / params->groups;
    const int32_t next = params->height.kernel * params->width.kernel * depth; /* filter */
    /* Dense taps of whole pixels are one run of values in the input and in the filter. */
    const bool is_dense = params->groups == 1 && params->width.dilation == 1;
    const int32_t runs = is_dense ? 1 : view->columns;
    const int32_t length = is_dense ? view->columns * depth : depth;
    const int32_t run_step = params->width.dilation * params->in_channels;
    const int32_t row_step = params->height.dilation * params->width.in * params->in_channels;
    const TML_OF(tml_value) *row = view->input;

    TML_ROLLED
    for (int32_t k_y = 0; k_y < view->rows; ++k_y) {
        TML_ROLLED
        for (int32_t run = 0; run < runs; ++run) {
            const TML_OF(tml_value) *x = row + run * run_step;
            TML_OF(tml_weights) w = TML_OF(TML_WEIGHTS_FROM)(weights, run * depth);
            const TML_OF(tml_value) *end = x + length;
            TML_OPAQUE(x);
            TML_OF(TML_OPAQUE_WEIGHTS)(w);
            TML_OPAQUE(end);
            TML_ROLLED
            for (; x != end; ++x, w = TML_OF(TML_WEIGHTS_FROM)(w, 1)) {
                const TML_OF(tml_wide) value = TML_OF(TML_CENTRED)(*x, params->input_offset);
                sums[0] += value * TML_OF(TML_WEIGHT)(w, 0);
                if (count == 4) {
                    sums[1] += value * TML_OF(TML_WEIGHT)(w, next);
                    sums[2] += value * TML_OF(TML_WEIGHT)(w, 2 * next);
                    sums[3] += value * TML_OF(TML_WEIGHT)(w, 3 * next);
                }
            }
        }
        row += row_step;
        weights = TML_OF(TML_WEIGHTS_FROM)(weights, params->width.kernel * depth);
    }
}

#include "kernels/walks/filters.h"

TML_KERNEL void TML_OF(tml_conv_2d)(const TML_OWN(params) *params, const TML_OF(tml_value) *input,
                                    TML_OF(TML_FILTER_PARAMETERS), TML_OF(tml_value) *output)
{
    const tml_window *height = &params->height;
    const tml_window *width = &params->width;
    const int32_t depth = params->in_channels / params->groups;
    const int32_t per_group = params->out_channels / params->groups;
    const int32_t length = height->kernel * width->kernel * depth;

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
                TML_OWN(view) view = {input + (in_y * width->in + in_x) * params->in_channels,
                                      rows.end - rows.start, columns.end - columns.start};
                TML_OF(tml_filters) filters = TML_OF(TML_FILTERS_FROM)(
                    (rows.start * width->kernel + columns.start) * depth);
                TML_ROLLED
                for (int32_t group = 0; group < params->groups; ++group) {
                    TML_OWN(pixel)(params, &view, &filters, &per_group, output);
                    view.input += depth;
                    TML_OWN(go_on)(params, &filters, per_group, length);
                    output += per_group;
                }
            }
        }
        input += height->in * width->in * params->in_channels;
    }
}
