/* SQUARED_DIFFERENCE: params.h says what it computes, kernels/types/type.h how this is included.
 *
 * The instance defines TML_HEADROOM, the bits that are free above a value. The loops are those of
 * kernels/walks/broadcast_2.h in a smaller form: positions by multiplication, the innermost one not
 * unrolled.
 */
TML_KERNEL int32_t TML_OWN(scale)(int32_t value, tml_requant requant)
{
    return tml_requantise(value * (1 << TML_HEADROOM), requant.multiplier, requant.shift);
}

TML_KERNEL TML_OF(tml_value) TML_OWN(output)(const TML_OWN(params) *params,
                                             TML_OF(tml_value) value1, TML_OF(tml_value) value2)
{
    const int32_t difference
        = TML_OWN(scale)(value1 + params->input1_offset, params->input1_requant)
        - TML_OWN(scale)(value2 + params->input2_offset, params->input2_requant);
    const int32_t scaled = tml_requantise(
        difference * difference, params->output_requant.multiplier, params->output_requant.shift);
    return TML_OF(TML_CLAMPED)(scaled + params->output_offset, params->clamp);
}

TML_KERNEL void TML_OF(tml_squared_difference)(const TML_OWN(params) *params,
                                               const TML_OF(tml_value) *input1,
                                               const TML_OF(tml_value) *input2,
                                               TML_OF(tml_value) *output)
{
    const int32_t *const count = params->count;
    const int32_t *const step1 = params->step1;
    const int32_t *const step2 = params->step2;
    for (int32_t i0 = 0; i0 < count[0]; ++i0) {
        for (int32_t i1 = 0; i1 < count[1]; ++i1) {
            for (int32_t i2 = 0; i2 < count[2]; ++i2) {
                const TML_OF(tml_value) *at1 = input1 + i0 * step1[0] + i1 * step1[1]
                    + i2 * step1[2];
                const TML_OF(tml_value) *at2 = input2 + i0 * step2[0] + i1 * step2[1]
                    + i2 * step2[2];
                TML_ROLLED
                for (int32_t i3 = 0; i3 < count[3]; ++i3) {
                    *output++ = TML_OWN(output)(params, *at1, *at2);
                    at1 += step1[3];
                    at2 += step2[3];
                }
            }
        }
    }
}
