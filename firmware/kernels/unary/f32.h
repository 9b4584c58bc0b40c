/* Functions of one float, element by element; `tinyml/ops/float_math.py` computes the same, bit by bit.
 *
 * The output may be the input, in place.
 */
#ifndef TML_UNARY_F32_H
#define TML_UNARY_F32_H

#include "kernels/types/f32.h"
#include "kernels/types/math_f32.h"

typedef struct {
    int32_t count;
    float slope; /* of LEAKY_RELU below zero */
    tml_clamp_f32 clamp;
} tml_unary_params_f32;

TML_KERNEL void tml_relu_f32(const tml_unary_params_f32 *params, const float *input, float *output);
TML_KERNEL void tml_abs_f32(const tml_unary_params_f32 *params, const float *input, float *output);
TML_KERNEL void tml_leaky_relu_f32(const tml_unary_params_f32 *params, const float *input,
                                   float *output);
TML_KERNEL void tml_elu_f32(const tml_unary_params_f32 *params, const float *input, float *output);
TML_KERNEL void tml_logistic_f32(const tml_unary_params_f32 *params, const float *input,
                                 float *output);
TML_KERNEL void tml_tanh_f32(const tml_unary_params_f32 *params, const float *input, float *output);
TML_KERNEL void tml_hard_swish_f32(const tml_unary_params_f32 *params, const float *input,
                                   float *output);
TML_KERNEL void tml_ceil_f32(const tml_unary_params_f32 *params, const float *input, float *output);
TML_KERNEL void tml_floor_f32(const tml_unary_params_f32 *params, const float *input,
                              float *output);
TML_KERNEL void tml_round_f32(const tml_unary_params_f32 *params, const float *input,
                              float *output);
TML_KERNEL void tml_neg_f32(const tml_unary_params_f32 *params, const float *input, float *output);
TML_KERNEL void tml_exp_f32(const tml_unary_params_f32 *params, const float *input, float *output);
TML_KERNEL void tml_log_f32(const tml_unary_params_f32 *params, const float *input, float *output);
TML_KERNEL void tml_sqrt_f32(const tml_unary_params_f32 *params, const float *input, float *output);
TML_KERNEL void tml_rsqrt_f32(const tml_unary_params_f32 *params, const float *input,
                              float *output);
TML_KERNEL void tml_square_f32(const tml_unary_params_f32 *params, const float *input,
                               float *output);
TML_KERNEL void tml_sin_f32(const tml_unary_params_f32 *params, const float *input, float *output);
TML_KERNEL void tml_cos_f32(const tml_unary_params_f32 *params, const float *input, float *output);

#define TML_UNARY(name, made) \
    TML_KERNEL void tml_##name##_f32(const tml_unary_params_f32 *params, const float *input, \
                                     float *output) \
    { \
        TML_ROLLED \
        for (int32_t i = 0; i < params->count; ++i) { \
            const float x = input[i]; \
            output[i] = (made); \
        } \
    }

TML_UNARY(relu, TML_CLAMPED_f32(x, params->clamp))
TML_UNARY(abs, x < 0.0f ? -x : x + 0.0f)
TML_UNARY(leaky_relu, x > 0.0f ? x : x * params->slope)
TML_UNARY(elu, x < 0.0f ? tml_float_exp(x) - 1.0f : x)
TML_UNARY(logistic, tml_float_logistic(x))
TML_UNARY(tanh, tml_float_tanh(x))
TML_UNARY(hard_swish, tml_float_divide(x * tml_clamp_to_f32(x + 3.0f, 0.0f, 6.0f), 6.0f))
TML_UNARY(ceil, -tml_float_floor(-x))
TML_UNARY(floor, tml_float_floor(x))
TML_UNARY(round, tml_float_round(x))
TML_UNARY(neg, -x)
TML_UNARY(exp, tml_float_exp(x))
TML_UNARY(log, tml_float_log(x))
TML_UNARY(sqrt, tml_float_sqrt(x))
TML_UNARY(rsqrt, 1.0f / tml_float_sqrt(x))
TML_UNARY(square, x * x)
TML_UNARY(sin, tml_float_sine(x, 0))
TML_UNARY(cos, tml_float_sine(x, 1))

#undef TML_UNARY

#endif
