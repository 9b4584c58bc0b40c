/* MEAN: params.h says what it computes, kernels/types/type.h how this is included. */

TML_KERNEL void TML_OF(tml_mean)(const TML_OWN(params) *params, const TML_OF(tml_value) *input,
                                 TML_OF(tml_value) *output)
{
    const int32_t inner_size = params->inner_reduced * params->inner;
    const int32_t middle_size = params->middle * inner_size;

    for (int32_t outer = 0; outer < params->outer; ++outer) {
        for (int32_t middle = 0; middle < params->middle; ++middle) {
            TML_ROLLED
            for (int32_t inner = 0; inner < params->inner; ++inner) {
                TML_OF(tml_sum) sum = params->sum_offset;
                TML_ROLLED
                for (int32_t i = 0; i < params->outer_reduced; ++i) {
                    const TML_OF(tml_value) *run = input + i * middle_size + middle * inner_size
                        + inner;
                    for (int32_t k = 0; k < inner_size; k += params->inner) {
                        sum += run[k];
                    }
                }
                const int32_t scaled = TML_OF(TML_RESCALED)(sum, params->requant.multiplier,
                                                            params->requant.shift, false)
                    + params->output_offset;
                *output++ = TML_OF(TML_SATURATED)(scaled);
            }
        }
        input += params->outer_reduced * middle_size;
    }
}
