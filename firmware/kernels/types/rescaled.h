/* What integers do with the sum of a filter; kernels/types/type.h says how this is included.
 *
 * The operator's params have per_channel, shifts_right (the factors of all filters are for
 * tml_requantise_right), output_offset and clamp.
 */
#ifndef TML_OP
#error "kernels/types/rescaled.h is included for an operator and a type"
#endif

/* One output of filter i: its sum rescaled, moved to the zero point, clamped. */
TML_KERNEL TML_OF(tml_value)
    TML_OWN(output)(const TML_OWN(params) *params, const TML_OF(tml_filters) *filters, int32_t i,
                    TML_OF(tml_sum) sum)
{
    const int32_t k = params->per_channel ? i : 0;
    const int32_t multiplier = TML_OF(TML_MULTIPLIER)(filters, k);
    const int32_t shift = TML_OF(TML_SHIFT)(filters, k);
    const TML_OF(tml_scaled) scaled
        = TML_OF(TML_RESCALED)(sum, multiplier, shift, params->shifts_right);
    return TML_OF(TML_CLAMPED)(TML_OF(TML_MOVED)(scaled, params->output_offset), params->clamp);
}

/* The filters behind the next `count`, of `length` weights each. */
TML_KERNEL void TML_OWN(go_on)(const TML_OWN(params) *params, TML_OF(tml_filters) *filters,
                               int32_t count, int32_t length)
{
    filters->weights = TML_OF(TML_WEIGHTS_FROM)(filters->weights, count * length);
    filters->bias += count;
    filters->multiplier += params->per_channel ? count : 0;
    filters->shift += params->per_channel ? count : 0;
}
