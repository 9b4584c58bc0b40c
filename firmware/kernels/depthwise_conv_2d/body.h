/* DEPTHWISE_CONV_2D: params.h says what it computes, kernels/types/type.h how this is included.
 *
 * Output pixels are finished one after the other. Windows inside the image have constant bounds, so
 * that their loops are unrolled when they are short.
 */

/* One output of filter f. */
TML_KERNEL TML_OF(tml_value)
    TML_OWN(output)(const TML_OWN(params) *params, const TML_OF(tml_filters) *filters, int32_t f,
                    TML_OF(tml_sum) sum)
{
    const int32_t k = params->per_channel ? f : 0;
    const int32_t multiplier = TML_OF(TML_MULTIPLIER)(filters, k);
    const int32_t shift = TML_OF(TML_SHIFT)(filters, k);
    const TML_OF(tml_scaled) scaled
        = TML_OF(TML_RESCALED)(sum + filters->bias[f], multiplier, shift, params->shifts_right);
    return TML_OF(TML_CLAMPED)(TML_OF(TML_MOVED)(scaled, params->output_offset), params->clamp);
}

/* Sum of the products of one filter whose window lies inside the image. */
TML_KERNEL TML_OF(tml_sum)
    TML_OWN(inside)(const TML_OWN(params) *params, const TML_OF(tml_value) *input,
                    TML_OF(tml_weights) weights)
{
    const int32_t step = params->width.dilation * params->in_channels;
    const int32_t row_step = params->height.dilation * params->width.in * params->in_channels;
    TML_OF(tml_sum) sum = 0;
    for (int32_t k_y = 0; k_y < params->height.kernel; ++k_y) {
        for (int32_t k_x = 0; k_x < params->width.kernel; ++k_x) {
            sum += TML_OF(TML_CENTRED)(input[k_y * row_step + k_x * step], params->input_offset)
                * TML_OF(TML_NEXT_WEIGHT)(weights);
        }
    }
    return sum;
}

/* The same for a window that hangs over the border; input is under tap 0. */
TML_KERNEL TML_OF(tml_sum)
    TML_OWN(border)(const TML_OWN(params) *params, const TML_OF(tml_value) *input,
                    TML_OF(tml_weights) weights, const tml_taps *rows, const tml_taps *columns)
{
    const int32_t step = params->width.dilation * params->in_channels;
    const int32_t row_step = params->height.dilation * params->width.in * params->in_channels;
    TML_OF(tml_sum) sum = 0;
    input += rows->start * row_step + columns->start * step;
    weights
        = TML_OF(TML_WEIGHTS_FROM)(weights, rows->start * params->width.kernel + columns->start);
    TML_ROLLED
    for (int32_t k_y = rows->start; k_y < rows->end; ++k_y) {
        const TML_OF(tml_value) *x = input;
        TML_OF(tml_weights) w = weights;
        TML_OPAQUE(x);
        TML_OF(TML_OPAQUE_WEIGHTS)(w);
        TML_ROLLED
        for (int32_t k_x = columns->start; k_x < columns->end; ++k_x) {
            sum += TML_OF(TML_CENTRED)(*x, params->input_offset) * TML_OF(TML_NEXT_WEIGHT)(w);
            x += step;
        }
        input += row_step;
        weights = TML_OF(TML_WEIGHTS_FROM)(weights, params->width.kernel);
    }
    return sum;
}

TML_KERNEL void TML_OF(tml_depthwise_conv_2d)(const TML_OWN(params) *params,
                                              const TML_OF(tml_value) *input,
                                              TML_OF(TML_FILTER_PARAMETERS),
                                              TML_OF(tml_value) *output)
{
    const tml_window *height = &params->height;
    const tml_window *width = &params->width;
    const TML_OF(tml_filters) filters = TML_OF(TML_FILTERS_FROM)(0);
    const int32_t out_channels = params->in_channels * params->depth_multiplier;
    const int32_t taps = height->kernel * width->kernel;

    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t out_y = 0; out_y < height->out; ++out_y) {
            const tml_taps rows = tml_taps_of(height, out_y);
            TML_ROLLED
            for (int32_t out_x = 0; out_x < width->out; ++out_x) {
                const tml_taps columns = tml_taps_of(width, out_x);
                const bool is_inside = tml_taps_are_all(height, &rows)
                    && tml_taps_are_all(width, &columns);
                const TML_OF(tml_value) *corner = input
                    + (rows.input * width->in + columns.input) * params->in_channels;
                TML_ROLLED
                for (int32_t f = 0; f < out_channels; ++f) {
                    const TML_OF(tml_value) *x = corner + f / params->depth_multiplier;
                    TML_OF(tml_weights) w = TML_OF(TML_WEIGHTS_FROM)(weights, f * taps);
                    const TML_OF(tml_sum) sum = is_inside
                        ? TML_OWN(inside)(params, x, w)
                        : TML_OWN(border)(params, x, w, &rows, &columns);
                    output[f] = TML_OWN(output)(params, &filters, f, sum);
                }
                output += out_channels;
            }
        }
        input += height->in * width->in * params->in_channels;
    }
}
