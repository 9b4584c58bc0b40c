/* ADD, SUB, MUL and others of two floats, element by element, with broadcasting.
 *
 *   output = clamp(input1 (operator) input2)
 *
 * kernels/walks/broadcast_2.h says what count and steps are. The output may be an input of the same
 * number of elements, in place.
 */
#ifndef TML_BINARY_F32_H
#define TML_BINARY_F32_H

#include "kernels/types/f32.h"
#include "kernels/types/math_f32.h"

typedef struct {
    int32_t count[4];
    int32_t step1[4];
    int32_t step2[4];
    tml_clamp_f32 clamp;
} tml_binary_params_f32;

/* The type of params is the same for all, so that the walk is told what to do with two values. */
typedef tml_binary_params_f32 tml_add_params_f32;
typedef tml_binary_params_f32 tml_sub_params_f32;
typedef tml_binary_params_f32 tml_mul_params_f32;
typedef tml_binary_params_f32 tml_prelu_params_f32;
typedef tml_binary_params_f32 tml_squared_difference_params_f32;
typedef tml_binary_params_f32 tml_div_params_f32;
typedef tml_binary_params_f32 tml_maximum_params_f32;
typedef tml_binary_params_f32 tml_minimum_params_f32;
typedef tml_binary_params_f32 tml_floor_div_params_f32;
typedef tml_binary_params_f32 tml_floor_mod_params_f32;

TML_KERNEL void tml_add_f32(const tml_binary_params_f32 *params, const float *input1,
                            const float *input2, float *output);
TML_KERNEL void tml_sub_f32(const tml_binary_params_f32 *params, const float *input1,
                            const float *input2, float *output);
TML_KERNEL void tml_mul_f32(const tml_binary_params_f32 *params, const float *input1,
                            const float *input2, float *output);
TML_KERNEL void tml_prelu_f32(const tml_binary_params_f32 *params, const float *input1,
                              const float *input2, float *output);
TML_KERNEL void tml_squared_difference_f32(const tml_binary_params_f32 *params, const float *input1,
                                           const float *input2, float *output);
TML_KERNEL void tml_div_f32(const tml_binary_params_f32 *params, const float *input1,
                            const float *input2, float *output);
TML_KERNEL void tml_maximum_f32(const tml_binary_params_f32 *params, const float *input1,
                                const float *input2, float *output);
TML_KERNEL void tml_minimum_f32(const tml_binary_params_f32 *params, const float *input1,
                                const float *input2, float *output);
TML_KERNEL void tml_floor_div_f32(const tml_binary_params_f32 *params, const float *input1,
                                  const float *input2, float *output);
TML_KERNEL void tml_floor_mod_f32(const tml_binary_params_f32 *params, const float *input1,
                                  const float *input2, float *output);

/* What is left of a / b, with the sign of b. Source: TensorFlow Lite, reference_ops::FloorMod. */
TML_KERNEL float tml_float_floor_mod(float a, float b)
{
    const float rest = tml_float_remainder(a, b);
    return rest != 0.0f && (b < 0.0f) != (rest < 0.0f) ? rest + b : rest;
}

#define TML_TYPE f32
#define TML_MORE

#define TML_OP add
#define TML_WALK tml_add_f32
#define TML_COMBINE(made, a, b) made = TML_CLAMPED_f32(a + b, params->clamp)
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK
#undef TML_OP

#define TML_OP sub
#define TML_WALK tml_sub_f32
#define TML_COMBINE(made, a, b) made = TML_CLAMPED_f32(a - b, params->clamp)
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK
#undef TML_OP

#define TML_OP mul
#define TML_WALK tml_mul_f32
#define TML_COMBINE(made, a, b) made = TML_CLAMPED_f32(a * b, params->clamp)
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK
#undef TML_OP

/* The second input is the slope below zero. */
#define TML_OP prelu
#define TML_WALK tml_prelu_f32
#define TML_COMBINE(made, a, b) made = a >= 0.0f ? a : a * b
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK
#undef TML_OP

#define TML_OP squared_difference
#define TML_WALK tml_squared_difference_f32
#define TML_COMBINE(made, a, b) made = (a - b) * (a - b)
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK
#undef TML_OP

#define TML_OP div
#define TML_WALK tml_div_f32
#define TML_COMBINE(made, a, b) made = TML_CLAMPED_f32(tml_float_divide(a, b), params->clamp)
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK
#undef TML_OP

#define TML_OP maximum
#define TML_WALK tml_maximum_f32
#define TML_COMBINE(made, a, b) made = a > b ? a : b
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK
#undef TML_OP

#define TML_OP minimum
#define TML_WALK tml_minimum_f32
#define TML_COMBINE(made, a, b) made = a < b ? a : b
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK
#undef TML_OP

#define TML_OP floor_div
#define TML_WALK tml_floor_div_f32
#define TML_COMBINE(made, a, b) made = tml_float_floor_divide(a, b)
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK
#undef TML_OP

#define TML_OP floor_mod
#define TML_WALK tml_floor_mod_f32
#define TML_COMBINE(made, a, b) made = tml_float_floor_mod(a, b)
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK
#undef TML_OP

#undef TML_MORE
#undef TML_TYPE

#endif
