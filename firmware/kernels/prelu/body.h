/* PRELU: params.h says what it computes, kernels/types/type.h how this is included. */

TML_KERNEL TML_OF(tml_value)
    TML_OWN(output)(const TML_OWN(params) *params, int32_t value, int32_t slope)
{
    const int32_t scaled = value >= 0
        ? tml_requantise(value, params->positive.multiplier, params->positive.shift)
        : tml_requantise(value * (slope + params->slope_offset), params->negative.multiplier,
                         params->negative.shift);
    return TML_OF(TML_SATURATED)(scaled + params->output_offset);
}

TML_KERNEL void TML_OF(tml_prelu)(const TML_OWN(params) *params, const TML_OF(tml_value) *input,
                                  const TML_OF(tml_value) *slopes, TML_OF(tml_value) *output)
{
    const int32_t *const count = params->count;
    const int32_t *const step = params->step;
    for (int32_t i0 = 0; i0 < count[0]; ++i0) {
        for (int32_t i1 = 0; i1 < count[1]; ++i1) {
            for (int32_t i2 = 0; i2 < count[2]; ++i2) {
                const TML_OF(tml_value) *slope = slopes + i0 * step[0] + i1 * step[1]
                    + i2 * step[2];
                TML_ROLLED
                for (int32_t i3 = 0; i3 < count[3]; ++i3) {
                    *output++ = TML_OWN(output)(
                        params, TML_OF(TML_CENTRED)(*input++, params->input_offset), *slope);
                    slope += step[3];
                }
            }
        }
    }
}
