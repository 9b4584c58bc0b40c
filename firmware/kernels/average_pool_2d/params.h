/* AVERAGE_POOL_2D in plain C.
 *
 * out[b, y, x, c] = clamp(average of the inputs inside the window, halves away from zero)
 *
 * Padding is not counted. Input and output have the same scale and zero point, NHWC. Output pixels
 * are finished one after the other.
 */
#ifndef TML_AVERAGE_POOL_2D_PARAMS_H
#define TML_AVERAGE_POOL_2D_PARAMS_H

#include "tml.h"
#include "tml_window.h"

typedef struct {
    int32_t batches;
    tml_window height;
    tml_window width;
    int32_t channels;
    tml_clamp clamp;
} tml_average_pool_2d_params;

#endif
