/* RESIZE_BILINEAR, int8: each output pixel between four input pixels, in steps of 1/1024.
 *
 * An output at `out` lies at the input position (out * scale + start) / 1024 of its axis. Where that
 * is before the first input or behind the last one, or on one, a single input counts.
 *
 *   output = round(sum of the four inputs times their shares of both axes / 2^20)
 *
 * halves away from zero. Images are NHWC.
 * Source of the arithmetic: TensorFlow Lite, reference_ops::ResizeBilinearInteger.
 */
#ifndef TML_RESIZE_BILINEAR_S8_H
#define TML_RESIZE_BILINEAR_S8_H

#include "tml.h"

/* One image axis. */
typedef struct {
    int32_t in;
    int32_t out;
    int32_t scale; /* 1/1024 inputs from one output to the next */
    int32_t start; /* of output 0, at least -512 */
} tml_between_axis;

typedef struct {
    int32_t batches;
    tml_between_axis height;
    tml_between_axis width;
    int32_t channels;
} tml_resize_bilinear_params;

/* The two inputs around an output; share of 1024 belongs to `far`. */
typedef struct {
    int32_t near;
    int32_t far;
    int32_t share;
} tml_between;

TML_KERNEL tml_between tml_between_of(const tml_between_axis *axis, int32_t out)
{
    const int32_t position = out * axis->scale + axis->start;
    tml_between at = {position > 0 ? position >> 10 : 0, (position + 1023) >> 10, 0};
    if (at.far > axis->in - 1) {
        at.far = axis->in - 1;
    }
    if (at.far != at.near) {
        at.share = position & 1023;
    }
    return at;
}

TML_KERNEL void tml_resize_bilinear_s8(const tml_resize_bilinear_params *params,
                                       const int8_t *input, int8_t *output)
{
    const int32_t channels = params->channels;
    const int32_t row = params->width.in * channels;

    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t out_y = 0; out_y < params->height.out; ++out_y) {
            const tml_between y = tml_between_of(&params->height, out_y);
            const int8_t *above = input + y.near * row;
            const int8_t *below = input + y.far * row;
            TML_ROLLED
            for (int32_t out_x = 0; out_x < params->width.out; ++out_x) {
                const tml_between x = tml_between_of(&params->width, out_x);
                const int32_t left = x.near * channels;
                const int32_t right = x.far * channels;
                TML_ROLLED
                for (int32_t c = 0; c < channels; ++c) {
                    const int32_t upper
                        = above[left + c] * (1024 - x.share) + above[right + c] * x.share;
                    const int32_t lower
                        = below[left + c] * (1024 - x.share) + below[right + c] * x.share;
                    const int32_t sum = upper * (1024 - y.share) + lower * y.share;
                    *output++ = (int8_t)((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
                }
            }
        }
        input += params->height.in * row;
    }
}

#endif
