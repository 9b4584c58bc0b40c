/* Two inputs combined element by element, with broadcasting; kernels/types/type.h says how this is
 * included.
 *
 * Four nested loops of `count` steps write the output in order; in a step of loop i the position in
 * input k advances by step_k[i] elements (0 where it is broadcast). Loops that are not needed come
 * first and count 1. The operator's params have these, input1_offset and input2_offset. It defines
 * TML_WALK, the name of the function; TML_MORE, what more that is given; and TML_COMBINE(made, value1,
 * value2), which makes an output of two values less their zero points. Where it wants them as they are,
 * it defines TML_TAKEN(value, offset) as the value; where its output is of another type, TML_MADE.
 */
#ifndef TML_OP
#error "kernels/walks/broadcast_2.h is included for an operator and a type"
#endif
#ifndef TML_TAKEN
#define TML_TAKEN(value, offset) TML_OF(TML_CENTRED)(value, offset)
#define TML_TAKEN_IS_CENTRED
#endif
#ifndef TML_MADE
#define TML_MADE TML_OF(tml_value)
#define TML_MADE_IS_VALUE
#endif

TML_KERNEL void TML_WALK(const TML_OWN(params) *params, const TML_OF(tml_value) *input1,
                         const TML_OF(tml_value) *input2, TML_MADE *output TML_MORE)
{
    const TML_OF(tml_value) *at1[4] = {input1, input1, input1, input1};
    const TML_OF(tml_value) *at2[4] = {input2, input2, input2, input2};

    for (int32_t i0 = 0; i0 < params->count[0]; ++i0) {
        at1[1] = at1[0];
        at2[1] = at2[0];
        for (int32_t i1 = 0; i1 < params->count[1]; ++i1) {
            at1[2] = at1[1];
            at2[2] = at2[1];
            for (int32_t i2 = 0; i2 < params->count[2]; ++i2) {
                at1[3] = at1[2];
                at2[3] = at2[2];
                for (int32_t i3 = 0; i3 < params->count[3]; ++i3) {
                    const TML_OF(tml_wide) value1 = TML_TAKEN(*at1[3], params->input1_offset);
                    const TML_OF(tml_wide) value2 = TML_TAKEN(*at2[3], params->input2_offset);
                    TML_COMBINE(*output++, value1, value2);
                    at1[3] += params->step1[3];
                    at2[3] += params->step2[3];
                }
                at1[2] += params->step1[2];
                at2[2] += params->step2[2];
            }
            at1[1] += params->step1[1];
            at2[1] += params->step2[1];
        }
        at1[0] += params->step1[0];
        at2[0] += params->step2[0];
    }
}

#ifdef TML_TAKEN_IS_CENTRED
#undef TML_TAKEN
#undef TML_TAKEN_IS_CENTRED
#endif
#ifdef TML_MADE_IS_VALUE
#undef TML_MADE
#undef TML_MADE_IS_VALUE
#endif
