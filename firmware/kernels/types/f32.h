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

#if defined(__SOFTFP__) || (defined(__riscv) && !defined(__riscv_flen))
/* A mantissa of 24 bits, the first of which is set, and what it is counted in: 2^exponent; both positive. */
TML_KERNEL uint32_t tml_float_mantissa(uint32_t bits, int32_t *exponent)
{
    uint32_t mantissa = bits & 0x7FFFFFu;
    *exponent = (int32_t)(bits >> 23) - 150;
    if (*exponent > -150) {
        return mantissa | 0x800000u;
    }
    *exponent = -149;
    TML_ROLLED
    for (; mantissa < 0x800000u; --*exponent) {
        mantissa <<= 1;
    }
    return mantissa;
}

/* The nearest multiple of 2^-149 to a / b, which is less than 2^-126; as bits, without a sign. */
static TML_NOINLINE uint32_t tml_float_small_quotient(uint32_t a, uint32_t b)
{
    int32_t up, down;
    uint32_t rest = tml_float_mantissa(a, &up);
    const uint32_t divisor = tml_float_mantissa(b, &down);
    const int32_t digits = up - down + 149; /* behind the first one */
    uint32_t found = 0;
    if (digits < -1) {
        return 0;
    }
    if (digits == -1) {
        return rest > divisor; /* more than half of the least number */
    }
    TML_ROLLED
    for (int32_t i = 0; i <= digits; ++i) {
        const bool is_one = rest >= divisor;
        found = found << 1 | is_one;
        rest = (is_one ? rest - divisor : rest) << 1;
    }
    return found + (rest > divisor || (rest == divisor && (found & 1)));
}

/* a / b to the nearest, ties to even. The library that divides for cores without such an instruction (compiler-rt
 * of zig 0.17.1) rounds quotients below 2^-126 twice. */
TML_KERNEL float tml_float_divide(float a, float b)
{
    float quotient = a / b;
    uint32_t made, first, second;
    memcpy(&made, &quotient, sizeof made);
    memcpy(&first, &a, sizeof first);
    memcpy(&second, &b, sizeof second);
    if ((made & 0x7FFFFFFFu) < 0x800000u && a != 0.0f && (second & 0x7FFFFFFFu) < 0x7F800000u) {
        made = ((first ^ second) & 0x80000000u)
            | tml_float_small_quotient(first & 0x7FFFFFFFu, second & 0x7FFFFFFFu);
        memcpy(&quotient, &made, sizeof quotient);
    }
    return quotient;
}
#else
TML_KERNEL float tml_float_divide(float a, float b)
{
    return a / b;
}
#endif

/* A value between the bounds; what is not a number stays so. */
TML_KERNEL float tml_clamp_to_f32(float x, float min, float max)
{
    const float least = x < min ? min : x;
    return max < least ? max : least;
}

#endif
