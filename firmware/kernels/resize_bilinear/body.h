/* RESIZE_BILINEAR: params.h says what it computes, kernels/types/type.h how this is included. */

TML_KERNEL void TML_OF(tml_resize_bilinear)(const TML_OWN(params) *params,
                                            const TML_OF(tml_value) *input,
                                            TML_OF(tml_value) *output)
{
    const int32_t channels = params->channels;
    const int32_t row = params->width.in * channels;

    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t out_y = 0; out_y < params->height.out; ++out_y) {
            const tml_between y = tml_between_of(&params->height, out_y);
            const TML_OF(tml_value) *above = input + y.near * row;
            const TML_OF(tml_value) *below = input + y.far * row;
            TML_ROLLED
            for (int32_t out_x = 0; out_x < params->width.out; ++out_x) {
                const tml_between x = tml_between_of(&params->width, out_x);
                const int32_t left = x.near * channels;
                const int32_t right = x.far * channels;
                TML_ROLLED
                for (int32_t c = 0; c < channels; ++c) {
                    const TML_OF(tml_sum) upper = above[left + c] * (1024 - x.share)
                        + above[right + c] * x.share;
                    const TML_OF(tml_sum) lower = below[left + c] * (1024 - x.share)
                        + below[right + c] * x.share;
                    const TML_OF(tml_sum) sum = upper * (1024 - y.share) + lower * y.share;
                    *output++
                        = (TML_OF(tml_value))((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
                }
            }
        }
        input += params->height.in * row;
    }
}
