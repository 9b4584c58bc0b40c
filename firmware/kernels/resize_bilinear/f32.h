/* RESIZE_BILINEAR of floats: each output pixel between four input pixels.
 *
 * An output at `out` lies at the input position out * scale of its axis, or with is_half at
 * (out + 0.5) * scale - 0.5. The output is the sum of the four inputs around it times their shares of both
 * axes, in the order of TFLM's formula. Images are NHWC.
 * Source: TensorFlow Lite, reference_ops::ResizeBilinear.
 */
#ifndef TML_RESIZE_BILINEAR_F32_H
#define TML_RESIZE_BILINEAR_F32_H

#include "kernels/types/f32.h"
#include "kernels/types/math_f32.h"

typedef struct {
    int32_t in;
    int32_t out;
    float scale; /* inputs from one output to the next */
} tml_float_axis;

typedef struct {
    int32_t batches;
    tml_float_axis height;
    tml_float_axis width;
    int32_t channels;
    bool is_half;
} tml_resize_bilinear_params_f32;

/* The two inputs around an output; `share` belongs to `far`. */
typedef struct {
    int32_t near;
    int32_t far;
    float share;
} tml_float_between;

TML_KERNEL tml_float_between tml_float_between_of(const tml_float_axis *axis, bool is_half,
                                                  int32_t out)
{
    const float position = is_half ? ((float)out + 0.5f) * axis->scale - 0.5f
                                   : (float)out * axis->scale;
    const int32_t below = (int32_t)tml_float_floor(position);
    const int32_t above = (float)below < position ? below + 1 : below;
    tml_float_between at
        = {below > 0 ? below : 0, above < axis->in - 1 ? above : axis->in - 1, 0.0f};
    at.share = position - (float)at.near;
    return at;
}

TML_KERNEL void tml_resize_bilinear_f32(const tml_resize_bilinear_params_f32 *params,
                                        const float *input, float *output)
{
    const int32_t channels = params->channels;
    const int32_t row = params->width.in * channels;

    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t out_y = 0; out_y < params->height.out; ++out_y) {
            const tml_float_between y
                = tml_float_between_of(&params->height, params->is_half, out_y);
            const float *above = input + y.near * row;
            const float *below = input + y.far * row;
            TML_ROLLED
            for (int32_t out_x = 0; out_x < params->width.out; ++out_x) {
                const tml_float_between x
                    = tml_float_between_of(&params->width, params->is_half, out_x);
                const int32_t left = x.near * channels;
                const int32_t right = x.far * channels;
                TML_ROLLED
                for (int32_t c = 0; c < channels; ++c) {
                    *output++ = above[left + c] * (1.0f - y.share) * (1.0f - x.share)
                        + below[left + c] * y.share * (1.0f - x.share)
                        + above[right + c] * (1.0f - y.share) * x.share
                        + below[right + c] * y.share * x.share;
                }
            }
        }
        input += params->height.in * row;
    }
}

#endif
