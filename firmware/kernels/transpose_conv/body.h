/* TRANSPOSE_CONV: params.h says what it computes, kernels/types/type.h how this is included.
 *
 * Output pixels are finished one after the other; four filters at a time share each loaded input.
 */

/* What one output pixel gathers. */
typedef struct {
    const TML_OF(tml_value) *input; /* below the first tap of both axes */
    int32_t weights;                /* offset of that tap in a filter */
    int32_t rows;
    int32_t columns;
} TML_OWN(view);

/* Weights of one filter. */
TML_KERNEL int32_t TML_OWN(filter_length)(const TML_OWN(params) *params)
{
    return params->height.kernel * params->width.kernel * params->in_channels;
}

/* Adds the products of `count` filters, 1 or 4, with the inputs of a view to sums. */
TML_KERNEL void TML_OWN(dot)(const TML_OWN(params) *params, const TML_OWN(view) *view,
                             TML_OF(tml_weights) weights, int32_t count, TML_OF(tml_sum) *sums)
{
    const int32_t depth = params->in_channels;
    const int32_t row = params->width.kernel * depth;
    const int32_t next = params->height.kernel * row; /* filter */
    TML_ROLLED
    for (int32_t k_y = 0; k_y < view->rows; ++k_y) {
        TML_ROLLED
        for (int32_t k_x = 0; k_x < view->columns; ++k_x) {
            const TML_OF(tml_value) *x = view->input - (k_y * params->width.in + k_x) * depth;
            TML_OF(tml_weights) w = TML_OF(TML_WEIGHTS_FROM)(
                TML_OF(TML_WEIGHTS_FROM)(TML_OF(TML_WEIGHTS_FROM)(weights, view->weights),
                                         k_y * params->height.stride * row),
                k_x * params->width.stride * depth);
            const TML_OF(tml_value) *end = x + depth;
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
    }
}

#include "kernels/walks/filters.h"

TML_KERNEL void TML_OF(tml_transpose_conv)(const TML_OWN(params) *params,
                                           const TML_OF(tml_value) *input,
                                           TML_OF(TML_FILTER_PARAMETERS), TML_OF(tml_value) *output)
{
    const tml_spread *height = &params->height;
    const tml_spread *width = &params->width;
    const int32_t depth = params->in_channels;
    const TML_OF(tml_filters) filters = TML_OF(TML_FILTERS_FROM)(0);

    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t out_y = 0; out_y < height->out; ++out_y) {
            const tml_reaching rows = tml_reaching_of(height, out_y);
            TML_ROLLED
            for (int32_t out_x = 0; out_x < width->out; ++out_x) {
                const tml_reaching columns = tml_reaching_of(width, out_x);
                const TML_OWN(view) view
                    = {input + (rows.input * width->in + columns.input) * depth,
                       (rows.first * width->kernel + columns.first) * depth, rows.count,
                       columns.count};
                TML_OWN(pixel)(params, &view, &filters, &params->out_channels, output);
                output += params->out_channels;
            }
        }
        input += height->in * width->in * depth;
    }
}
