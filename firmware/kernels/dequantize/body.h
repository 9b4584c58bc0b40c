/* DEQUANTIZE: params.h says what it computes, kernels/types/type.h how this is included. */

TML_KERNEL void TML_OF(tml_dequantize)(const tml_dequantize_params *params,
                                       const TML_OF(tml_value) *input, float *output)
{
    const float scale = tml_factor(params->scale);
    for (int32_t i = 0; i < params->count; ++i) {
        output[i] = scale * (float)(input[i] + params->input_offset);
    }
}
