/* RESIZE_BILINEAR: each output pixel between four input pixels, in steps of 1/1024.
 *
 * An output at `out` lies at the input position (out * scale + start) / 1024 of its axis. Where that
 * is before the first input or behind the last one, or on one, a single input counts.
 *
 *   output = round(sum of the four inputs times their shares of both axes / 2^20)
 *
 * halves away from zero. Images are NHWC.
 * Source of the arithmetic: TensorFlow Lite, reference_ops::ResizeBilinearInteger.
 */
#ifndef TML_RESIZE_BILINEAR_PARAMS_H
#define TML_RESIZE_BILINEAR_PARAMS_H

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

#endif
