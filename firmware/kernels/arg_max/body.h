/* ARG_MAX and ARG_MIN: params.h says what they compute, kernels/types/type.h how this is included.
 *
 * The type defines TML_IS_NO_NUMBER(x) where it has values that are none.
 */
#ifndef TML_IS_NO_NUMBER
#define TML_IS_NO_NUMBER(x) false
#define TML_ALL_ARE_NUMBERS
#endif

#define TML_SEEK(name, is_better) \
    TML_KERNEL void TML_OF(name)(const TML_OWN(params) *params, const TML_OF(tml_value) *input, \
                                 int32_t *output) \
    { \
        for (int32_t outer = 0; outer < params->outer; ++outer) { \
            for (int32_t inner = 0; inner < params->inner; ++inner) { \
                const TML_OF(tml_value) *at = input + inner; \
                TML_OF(tml_value) best = *at; \
                int32_t found = 0; \
                TML_ROLLED \
                for (int32_t k = 1; k < params->depth; ++k) { \
                    at += params->inner; \
                    if (*at is_better best \
                        || (TML_IS_NO_NUMBER(best) && !TML_IS_NO_NUMBER(*at))) { \
                        best = *at; \
                        found = k; \
                    } \
                } \
                *output++ = found; \
            } \
            input += params->depth * params->inner; \
        } \
    }

TML_SEEK(tml_arg_max, >)
TML_SEEK(tml_arg_min, <)

#undef TML_SEEK
#ifdef TML_ALL_ARE_NUMBERS
#undef TML_IS_NO_NUMBER
#undef TML_ALL_ARE_NUMBERS
#endif
