/* MUL: params.h says what it computes, kernels/types/type.h how this is included.
 *
 * The instance defines TML_RIGHT, which rescales a product by a factor below 1.
 */

TML_KERNEL int32_t TML_OWN(output)(const TML_OWN(params) *params, int32_t product)
{
    const tml_requant requant = params->output_requant;
    const int32_t scaled = requant.shift < 0
        ? TML_RIGHT(product, requant.multiplier, requant.shift)
        : tml_requantise(product, requant.multiplier, requant.shift);
    return tml_clamp_to(scaled + params->output_offset, params->clamp.min, params->clamp.max);
}

#define TML_WALK TML_OF(tml_mul)
#define TML_MORE
#define TML_COMBINE(made, value1, value2) \
    made = (TML_OF(tml_value))TML_OWN(output)(params, (value1) * (value2))
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_MORE
#undef TML_WALK
