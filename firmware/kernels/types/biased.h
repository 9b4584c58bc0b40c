/* What floats do with the sum of a filter; kernels/types/type.h says how this is included.
 *
 * The operator's params have clamp.
 */
#ifndef TML_OP
#error "kernels/types/biased.h is included for an operator and a type"
#endif

/* One output of filter i: its sum and the bias, clamped. */
TML_KERNEL TML_OF(tml_value)
    TML_OWN(output)(const TML_OWN(params) *params, const TML_OF(tml_filters) *filters, int32_t i,
                    TML_OF(tml_sum) sum)
{
    return TML_OF(TML_CLAMPED)(sum + filters->bias[i], params->clamp);
}

/* The filters behind the next `count`, of `length` weights each. */
TML_KERNEL void TML_OWN(go_on)(const TML_OWN(params) *params, TML_OF(tml_filters) *filters,
                               int32_t count, int32_t length)
{
    (void)params;
    filters->weights = TML_OF(TML_WEIGHTS_FROM)(filters->weights, count * length);
    filters->bias += count;
}
