/* DIV of int8 values; params.h says what it computes. */
#ifndef TML_DIV_S8_H
#define TML_DIV_S8_H

#include "kernels/div/params.h"
#include "kernels/softmax/s8.h"
#include "kernels/types/s8.h"

typedef tml_div_params tml_div_params_s8;

TML_KERNEL int32_t tml_div_output(const tml_div_params *params, int32_t dividend, int32_t divisor)
{
    if (divisor < 0) {
        dividend = -dividend;
        divisor = -divisor;
    }
    divisor = divisor == 0 ? 1 : divisor;
    const int32_t lead = __builtin_clz((unsigned int)divisor);
    const int32_t fraction = (int32_t)(((uint32_t)divisor << lead) - UINT32_C(0x80000000));
    const int32_t inverse = tml_softmax_one_over_one_plus(fraction);
    const int32_t bits = dividend < 0 ? ~dividend : dividend;
    const int32_t headroom = bits == 0 ? 31 : __builtin_clz((unsigned int)bits) - 1;
    const int32_t wide = (int32_t)((uint32_t)dividend << headroom);
    const int32_t quotient = tml_high_mul(wide, inverse);
    const int32_t right = 31 - lead + headroom - params->output_requant.shift;
    const int32_t scaled = tml_rounding_shift_right(
        tml_high_mul(quotient, params->output_requant.multiplier), right);
    return tml_clamp_to(scaled + params->output_offset, params->clamp.min, params->clamp.max);
}

TML_KERNEL void tml_div_s8(const tml_div_params *params, const int8_t *input1, const int8_t *input2,
                           int8_t *output);

#define TML_OP div
#define TML_TYPE s8
#define TML_MORE
#define TML_WALK tml_div_s8
#define TML_COMBINE(made, value1, value2) made = (int8_t)tml_div_output(params, value1, value2)
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK
#undef TML_MORE
#undef TML_OP
#undef TML_TYPE

#endif
