/* L2_POOL_2D: the root of the average square, of floats; params of AVERAGE_POOL_2D say what of. */
#ifndef TML_L2_POOL_2D_F32_H
#define TML_L2_POOL_2D_F32_H

#include "tml_window.h"
#include "kernels/types/f32.h"
#include "kernels/types/math_f32.h"

typedef struct {
    int32_t batches;
    tml_window height;
    tml_window width;
    int32_t channels;
    tml_clamp_f32 clamp;
} tml_l2_pool_2d_params_f32;

TML_KERNEL void tml_l2_pool_2d_f32(const tml_l2_pool_2d_params_f32 *params, const float *input,
                                   float *output);

#define TML_OP l2_pool_2d
#define TML_TYPE f32
#define TML_WALK tml_l2_pool_2d_f32
#define TML_START 0.0f
#define TML_FOLD(sum, value) sum += (value) * (value)
#define TML_FINISH(made, sum, count) \
    made = TML_CLAMPED_f32(tml_float_sqrt(tml_float_divide(sum, (float)(count))), params->clamp)
#include "kernels/walks/pooled.h"
#undef TML_FINISH
#undef TML_FOLD
#undef TML_START
#undef TML_WALK
#undef TML_OP
#undef TML_TYPE

#endif
