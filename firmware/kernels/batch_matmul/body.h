/* BATCH_MATMUL: params.h says what it computes, kernels/types/type.h how this is included. */

/* One matrix times one other; returns where the output goes on. */
TML_KERNEL TML_OF(tml_value) *TML_OWN(product)(const TML_OWN(params) *params,
                                               const TML_OF(tml_value) *left,
                                               const TML_OF(tml_value) *right,
                                               TML_OF(tml_value) *output)
{
    for (int32_t row = 0; row < params->rows; ++row) {
        for (int32_t column = 0; column < params->columns; ++column) {
            const TML_OF(tml_value) *a = left + row * params->left.step[0];
            const TML_OF(tml_value) *b = right + column * params->right.step[0];
            TML_OF(tml_sum) sum = 0;
            for (int32_t k = 0; k < params->depth; ++k) {
                sum += TML_OF(TML_CENTRED)(*a, params->left.offset)
                    * TML_OF(TML_CENTRED)(*b, params->right.offset);
                a += params->left.step[1];
                b += params->right.step[1];
            }
            const TML_OF(tml_scaled) scaled = TML_OF(TML_RESCALED)(sum, params->requant.multiplier,
                                                                   params->requant.shift, false);
            *output++ = TML_OF(TML_SATURATED)(scaled + params->output_offset);
        }
    }
    return output;
}

TML_KERNEL void TML_OF(tml_batch_matmul)(const TML_OWN(params) *params,
                                         const TML_OF(tml_value) *left,
                                         const TML_OF(tml_value) *right, TML_OF(tml_value) *output)
{
    const int32_t *const l = params->left.batch;
    const int32_t *const r = params->right.batch;
    for (int32_t i0 = 0; i0 < params->count[0]; ++i0) {
        for (int32_t i1 = 0; i1 < params->count[1]; ++i1) {
            for (int32_t i2 = 0; i2 < params->count[2]; ++i2) {
                output = TML_OWN(product)(params, left + i0 * l[0] + i1 * l[1] + i2 * l[2],
                                          right + i0 * r[0] + i1 * r[1] + i2 * r[2], output);
            }
        }
    }
}
