/* float values and weights, summed in float in the order of the walk; types/type.h says how a type is
 * included.
 *
 * A product is rounded before it is added, on every machine: what a model computes is then the same
 * here and there, bit by bit. Compilers may otherwise join both in one instruction.
 */
#ifndef TML_TYPES_F32_H
#define TML_TYPES_F32_H

#include "kernels/types/type.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__) && !defined(__STRICT_ANSI__) /* with -std=c11 it is off */
#pragma GCC optimize("fp-contract=off")
#endif

typedef float tml_value_f32;
typedef float tml_wide_f32;
typedef float tml_sum_f32;
typedef float tml_bias_f32;
typedef const float *tml_weights_f32;

typedef struct {
    tml_weights_f32 weights;
    const tml_bias_f32 *bias;
} tml_filters_f32;

/* Bounds of an output. */
typedef struct {
    float min;
    float max;
} tml_clamp_f32;

#define TML_WEIGHT_f32(weights, i) ((weights)[i])
#define TML_WEIGHTS_FROM_f32(weights, i) ((weights) + (i))
#define TML_OPAQUE_WEIGHTS_f32(weights) TML_OPAQUE(weights)
#define TML_FILTER_PARAMETERS_f32 const float *weights, const float *bias
#define TML_FILTERS_FROM_f32(i) {weights + (i), bias}

#define TML_FIRST_SUM_f32(bias) ((void)(bias), 0.0f) /* biases are added last */
#define TML_CENTRED_f32(value, offset) (value)
#define TML_CLAMPED_f32(value, clamp) tml_clamp_to_f32(value, (clamp).min, (clamp).max)

/* A value between the bounds; what is not a number stays so. */
TML_KERNEL float tml_clamp_to_f32(float x, float min, float max)
{
    const float least = x < min ? min : x;
    return max < least ? max : least;
}

#endif
