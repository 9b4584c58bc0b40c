/* One output per channel of each window of an image; kernels/types/type.h says how this is included.
 *
 * Images are NHWC; taps in the padding are left out. Output pixels are finished one after the other.
 * The operator defines TML_WALK, the name of the function, and how an output comes about: TML_START,
 * TML_FOLD(found, value) and TML_FINISH(made, found, count).
 */
#ifndef TML_OP
#error "kernels/walks/pooled.h is included for an operator and a type"
#endif

TML_KERNEL void TML_WALK(const TML_OWN(params) *params, const TML_OF(tml_value) *input,
                         TML_OF(tml_value) *output)
{
    const tml_window *width = &params->width;
    const int32_t row_step = width->in * params->channels;

    for (int32_t batch = 0; batch < params->batches; ++batch) {
        for (int32_t out_y = 0; out_y < params->height.out; ++out_y) {
            const tml_taps rows = tml_taps_of(&params->height, out_y);
            const int32_t height = rows.end - rows.start;
            for (int32_t out_x = 0; out_x < width->out; ++out_x) {
                const tml_taps columns = tml_taps_of(width, out_x);
                const int32_t row_size = (columns.end - columns.start) * params->channels;
                const int32_t count = height * (columns.end - columns.start);
                const TML_OF(tml_value) *corner = input + (rows.input + rows.start) * row_step
                    + (columns.input + columns.start) * params->channels;
                TML_ROLLED
                for (int32_t c = 0; c < params->channels; ++c) {
                    TML_OF(tml_wide) found = TML_START;
                    TML_ROLLED
                    for (int32_t k_y = 0; k_y < height; ++k_y) {
                        const TML_OF(tml_value) *row = corner + c + k_y * row_step;
                        for (int32_t i = 0; i < row_size; i += params->channels) {
                            TML_FOLD(found, row[i]);
                        }
                    }
                    TML_FINISH(output[c], found, count);
                }
                output += params->channels;
            }
        }
        input += params->height.in * row_step;
    }
}
