/* FULLY_CONNECTED: params.h says what it computes, kernels/types/type.h how this is included.
 *
 * Rows of outputs are finished one after the other; four outputs at a time share each loaded input, and
 * what is left over takes four inputs at a time.
 */

/* Adds the products of `count` rows of weights, 1 or 4, with the inputs to sums. */
TML_KERNEL void TML_OWN(dot)(const TML_OWN(params) *params, const TML_OF(tml_value) *input,
                             TML_OF(tml_weights) weights, int32_t count, TML_OF(tml_sum) *sums)
{
    const int32_t next = params->in_features;
    const TML_OF(tml_value) *end = input + params->in_features;
    TML_OPAQUE(input);
    TML_OF(TML_OPAQUE_WEIGHTS)(weights);
    TML_OPAQUE(end);
    if (count == 1) {
        TML_ROLLED
        for (; end - input > 3; input += 4, weights = TML_OF(TML_WEIGHTS_FROM)(weights, 4)) {
            TML_UNROLLED
            for (int32_t i = 0; i < 4; ++i) {
                const TML_OF(tml_wide) value = input[i];
                sums[0] += value * TML_OF(TML_WEIGHT)(weights, i);
            }
        }
    }
    TML_ROLLED
    for (; input != end; ++input, weights = TML_OF(TML_WEIGHTS_FROM)(weights, 1)) {
        const TML_OF(tml_wide) value = *input;
        sums[0] += value * TML_OF(TML_WEIGHT)(weights, 0);
        if (count == 4) {
            sums[1] += value * TML_OF(TML_WEIGHT)(weights, next);
            sums[2] += value * TML_OF(TML_WEIGHT)(weights, 2 * next);
            sums[3] += value * TML_OF(TML_WEIGHT)(weights, 3 * next);
        }
    }
}

/* One output: its sum rescaled, moved to the zero point, clamped. */
TML_KERNEL TML_OF(tml_value) TML_OWN(output)(const TML_OWN(params) *params, TML_OF(tml_sum) sum,
                                             int32_t multiplier, int32_t shift)
{
    const TML_OF(tml_scaled) scaled
        = TML_OF(TML_RESCALED)(sum, multiplier, shift, params->shifts_right);
    return TML_OF(TML_CLAMPED)(TML_OF(TML_MOVED)(scaled, params->output_offset), params->clamp);
}

TML_KERNEL void TML_OF(tml_fully_connected)(const TML_OWN(params) *params,
                                            const TML_OF(tml_value) *input,
                                            TML_OF(TML_FILTER_PARAMETERS),
                                            TML_OF(tml_value) *output)
{
    const TML_OF(tml_filters) filters = TML_OF(TML_FILTERS_FROM)(0);
    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_OF(tml_weights) w = filters.weights;
        int32_t out = 0;
        TML_ROLLED
        for (; out < (params->out_features & ~3); out += 4) {
            TML_OF(tml_sum) sums[4] = {filters.bias[out], filters.bias[out + 1],
                                       filters.bias[out + 2], filters.bias[out + 3]};
            TML_OWN(dot)(params, input, w, 4, sums);
            TML_ROLLED
            for (int32_t i = 0; i < 4; ++i) {
                const int32_t k = params->per_channel ? out + i : 0;
                output[out + i] = TML_OWN(output)(params, sums[i],
                                                  TML_OF(TML_MULTIPLIER)(&filters, k),
                                                  TML_OF(TML_SHIFT)(&filters, k));
            }
            w = TML_OF(TML_WEIGHTS_FROM)(w, 4 * params->in_features);
        }
        TML_ROLLED
        for (; out < params->out_features; ++out) {
            const int32_t k = params->per_channel ? out : 0;
            TML_OF(tml_sum) sum = filters.bias[out];
            TML_OWN(dot)(params, input, w, 1, &sum);
            output[out] = TML_OWN(output)(params, sum, TML_OF(TML_MULTIPLIER)(&filters, k),
                                          TML_OF(TML_SHIFT)(&filters, k));
            w = TML_OF(TML_WEIGHTS_FROM)(w, params->in_features);
        }
        input += params->in_features;
        output += params->out_features;
    }
}
