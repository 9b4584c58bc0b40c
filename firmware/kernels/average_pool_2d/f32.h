/* AVERAGE_POOL_2D of floats: params.h says what it computes, without rounding. */
#ifndef TML_AVERAGE_POOL_2D_F32_H
#define TML_AVERAGE_POOL_2D_F32_H

#include "kernels/average_pool_2d/params.h"
#include "kernels/types/f32.h"

typedef struct {
    int32_t batches;
    tml_window height;
    tml_window width;
    int32_t channels;
    tml_clamp_f32 clamp;
} tml_average_pool_2d_params_f32;

TML_KERNEL void tml_average_pool_2d_f32(const tml_average_pool_2d_params_f32 *params,
                                        const float *input, float *output);

#define TML_OP average_pool_2d
#define TML_TYPE f32
#define TML_WALK tml_average_pool_2d_f32
#define TML_START 0.0f
#define TML_FOLD(sum, value) sum += (value)
#define TML_FINISH(made, sum, count) \
    made = TML_CLAMPED_f32(tml_float_divide(sum, (float)(count)), params->clamp)
#include "kernels/walks/pooled.h"
#undef TML_FINISH
#undef TML_FOLD
#undef TML_START
#undef TML_WALK
#undef TML_OP
#undef TML_TYPE

#endif
