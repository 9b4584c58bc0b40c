/* Filters over one view of the input; kernels/types/type.h says how this is included.
 *
 * Four filters at a time share each loaded input. The operator has for the type
 *
 *   view           what the filters see of the input
 *   filter_length  (params): weights of one filter
 *   dot            (params, view, weights, count, sums): adds the products of `count` filters, 1 or 4
 *   output         (params, filters, i, sum): see kernels/types/rescaled.h
 */
#ifndef TML_OP
#error "kernels/walks/filters.h is included for an operator and a type"
#endif

/* The outputs of *count filters for one view. The count is read no earlier than it is needed. */
TML_KERNEL void TML_OWN(pixel)(const TML_OWN(params) *params, const TML_OWN(view) *view,
                               const TML_OF(tml_filters) *filters, const int32_t *count,
                               TML_OF(tml_value) *output)
{
    const int32_t length = TML_OWN(filter_length)(params);
    TML_OF(tml_weights) weights = filters->weights;
    const int32_t end = *count;
    int32_t f = 0;
    TML_ROLLED
    for (; f < (end & ~3); f += 4) {
        const TML_OF(tml_bias) *bias = filters->bias + f;
        TML_OF(tml_sum) sums[4] = {TML_OF(TML_FIRST_SUM)(bias[0]), TML_OF(TML_FIRST_SUM)(bias[1]),
                                   TML_OF(TML_FIRST_SUM)(bias[2]), TML_OF(TML_FIRST_SUM)(bias[3])};
        TML_OWN(dot)(params, view, weights, 4, sums);
        TML_ROLLED
        for (int32_t i = 0; i < 4; ++i) {
            output[f + i] = TML_OWN(output)(params, filters, f + i, sums[i]);
        }
        weights = TML_OF(TML_WEIGHTS_FROM)(weights, 4 * length);
    }
    TML_ROLLED
    for (; f < end; ++f) {
        TML_OF(tml_sum) sum = TML_OF(TML_FIRST_SUM)(filters->bias[f]);
        TML_OWN(dot)(params, view, weights, 1, &sum);
        output[f] = TML_OWN(output)(params, filters, f, sum);
        weights = TML_OF(TML_WEIGHTS_FROM)(weights, length);
    }
}
