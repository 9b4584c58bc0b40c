/* REDUCE_MAX and REDUCE_MIN: params.h says what they compute, kernels/types/type.h how this is
 * included. */

TML_KERNEL void TML_OWN(extreme)(const TML_OWN(params) *params, const TML_OF(tml_value) *input,
                                 TML_OF(tml_value) *output, bool is_max)
{
    const int32_t inner_size = params->inner_reduced * params->inner;
    const int32_t middle_size = params->middle * inner_size;

    for (int32_t outer = 0; outer < params->outer; ++outer) {
        for (int32_t middle = 0; middle < params->middle; ++middle) {
            TML_ROLLED
            for (int32_t inner = 0; inner < params->inner; ++inner) {
                const TML_OF(tml_value) *run = input + middle * inner_size + inner;
                TML_OF(tml_wide) found = *run;
                TML_ROLLED
                for (int32_t i = 0; i < params->outer_reduced; ++i) {
                    TML_ROLLED
                    for (int32_t k = 0; k < inner_size; k += params->inner) {
                        const TML_OF(tml_wide) value = run[k];
                        found = (is_max ? value > found : value < found) ? value : found;
                    }
                    run += middle_size;
                }
                *output++ = (TML_OF(tml_value))found;
            }
        }
        input += params->outer_reduced * middle_size;
    }
}

TML_KERNEL void TML_OF(tml_reduce_max)(const TML_OWN(params) *params,
                                       const TML_OF(tml_value) *input, TML_OF(tml_value) *output)
{
    TML_OWN(extreme)(params, input, output, true);
}

TML_KERNEL void TML_OF(tml_reduce_min)(const TML_OWN(params) *params,
                                       const TML_OF(tml_value) *input, TML_OF(tml_value) *output)
{
    TML_OWN(extreme)(params, input, output, false);
}
