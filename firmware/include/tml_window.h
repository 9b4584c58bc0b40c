/* tml_window.h: a filter or pooling window sliding along one image axis, as in tinyml/ir/shapes.py.
 *
 * Output element o reads the inputs o * stride - pad + k * dilation for the taps k < kernel. Taps
 * outside [0, in) are padding; their range is found once per output row or column.
 */
#ifndef TML_WINDOW_H
#define TML_WINDOW_H

#include "tml.h"

typedef struct {
    int32_t in;        /* input elements along the axis */
    int32_t out;       /* output elements */
    int32_t kernel;    /* taps */
    int32_t stride;    /* inputs from one output's window to the next */
    int32_t dilation;  /* inputs from one tap to the next */
    int32_t pad;       /* padding before the first input */
    int32_t pad_after; /* padding behind the last input */
} tml_window;

/* The taps start <= k < end of one output that lie inside the input; input is under tap 0. */
typedef struct {
    int32_t start;
    int32_t end;
    int32_t input; /* negative inside the leading padding */
} tml_taps;

TML_KERNEL tml_taps tml_taps_of(const tml_window *window, int32_t out)
{
    const int32_t input = out * window->stride - window->pad;
    tml_taps taps = {0, window->kernel, input};
    if (window->pad > 0 && input < 0) {
        taps.start = (window->dilation - 1 - input) / window->dilation;
    }
    if (window->pad_after > 0) {
        const int32_t end = (window->in - input + window->dilation - 1) / window->dilation;
        taps.end = end < taps.start ? taps.start : (end < taps.end ? end : taps.end);
    }
    return taps;
}

TML_KERNEL bool tml_taps_are_all(const tml_window *window, const tml_taps *taps)
{
    return (window->pad == 0 || taps->start == 0)
        && (window->pad_after == 0 || taps->end == window->kernel);
}

#endif
