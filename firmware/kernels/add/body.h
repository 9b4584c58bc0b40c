/* ADD and SUB: params.h says what they compute, kernels/types/type.h how this is included.
 *
 * The instance defines TML_HEADROOM, the bits that are free above a value, and TML_RIGHT, which rescales
 * what fills them by a factor below 1.
 */

TML_KERNEL int32_t TML_OWN(scale)(int32_t value, tml_requant requant)
{
    return requant.shift == 0
        ? value * (1 << (TML_HEADROOM - 1))
        : TML_RIGHT(value * (1 << TML_HEADROOM), requant.multiplier, requant.shift);
}

TML_KERNEL int32_t TML_OWN(output)(const TML_OWN(params) *params, int32_t sum)
{
    const tml_requant requant = params->output_requant;
    const int32_t scaled = requant.shift == 0 ? tml_requantise(sum, requant.multiplier, 0)
                                              : TML_RIGHT(sum, requant.multiplier, requant.shift);
    return tml_clamp_to(scaled + params->output_offset, params->clamp.min, params->clamp.max);
}

#define TML_WALK TML_OWN(or_subtract)
#define TML_MORE , bool is_difference
#define TML_COMBINE(made, value1, value2) \
    const int32_t scaled1 = TML_OWN(scale)(value1, params->input1_requant); \
    const int32_t scaled2 = TML_OWN(scale)(value2, params->input2_requant); \
    const int32_t sum = is_difference ? scaled1 - scaled2 : scaled1 + scaled2; \
    made = (TML_OF(tml_value))TML_OWN(output)(params, sum)
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_MORE
#undef TML_WALK

TML_KERNEL void TML_OF(tml_add)(const TML_OWN(params) *params, const TML_OF(tml_value) *input1,
                                const TML_OF(tml_value) *input2, TML_OF(tml_value) *output)
{
    TML_OWN(or_subtract)(params, input1, input2, output, false);
}

TML_KERNEL void TML_OF(tml_sub)(const TML_OWN(params) *params, const TML_OF(tml_value) *input1,
                                const TML_OF(tml_value) *input2, TML_OF(tml_value) *output)
{
    TML_OWN(or_subtract)(params, input1, input2, output, true);
}
