/* CONV_2D of the type s16: all that the operator needs for it. */
#ifndef TML_CONV_2D_S16_H
#define TML_CONV_2D_S16_H

#include "kernels/conv_2d/params.h"
#include "kernels/types/s16.h"

typedef tml_conv_2d_params tml_conv_2d_params_s16;

#define TML_OP conv_2d
#define TML_TYPE s16
#include "kernels/types/rescaled.h"
#include "kernels/conv_2d/body.h"
#undef TML_OP
#undef TML_TYPE

#endif
