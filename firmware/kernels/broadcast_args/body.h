/* BROADCAST_ARGS: params.h says what it computes, kernels/types/type.h how this is included. */

TML_KERNEL void TML_OF(tml_broadcast_args)(const TML_OWN(params) *params,
                                           const TML_OF(tml_value) *input1,
                                           const TML_OF(tml_value) *input2,
                                           TML_OF(tml_value) *output)
{
    const int32_t rank = params->rank1 > params->rank2 ? params->rank1 : params->rank2;
    for (int32_t i = 0; i < rank; ++i) {
        const int32_t i1 = i - (rank - params->rank1);
        const int32_t i2 = i - (rank - params->rank2);
        const TML_OF(tml_value) size1 = i1 < 0 ? 1 : input1[i1];
        output[i] = size1 == 1 && i2 >= 0 ? input2[i2] : size1;
    }
}
