/* RESIZE_BILINEAR of int8 values; params.h says what it computes. */
#ifndef TML_RESIZE_BILINEAR_S8_H
#define TML_RESIZE_BILINEAR_S8_H

#include "kernels/resize_bilinear/params.h"
#include "kernels/types/s8.h"

typedef tml_resize_bilinear_params tml_resize_bilinear_params_s8;

TML_KERNEL void tml_resize_bilinear_s8(const tml_resize_bilinear_params *params,
                                       const int8_t *input, int8_t *output);

#define TML_OP resize_bilinear
#define TML_TYPE s8
#include "kernels/resize_bilinear/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
