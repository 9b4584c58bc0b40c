/* Functions in float alone: no library's give the same bits everywhere.
 *
 * exp and log within 2 units in the last place, tanh, sine and cosine within 3; the others are exact.
 * Source of the polynomials: Cephes, expf.c, logf.c and tanhf.c.
 */
#ifndef TML_MATH_F32_H
#define TML_MATH_F32_H

#include "kernels/types/f32.h"

/* 2^n, -126 <= n <= 127. */
TML_KERNEL float tml_float_power_of_two(int32_t n)
{
    const uint32_t bits = (uint32_t)(n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

TML_KERNEL float tml_float_exp(float x)
{
    if (!(x > -104.0f)) {
        return x == x ? 0.0f : x;
    }
    if (x > 89.0f) {
        x = 89.0f; /* beyond the greatest float */
    }
    /* The nearest multiple n of log(2): adding 1.5 * 2^23 leaves no bits behind the point. */
    const float n = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
    float r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    const float e = p * (r * r) + r + 1.0f;
    const int32_t whole = (int32_t)n;
    const int32_t half = whole >> 1; /* n may be that of a number too small, or too large, alone */
    return e * tml_float_power_of_two(half) * tml_float_power_of_two(whole - half);
}

/* Source: TensorFlow Lite, reference_ops::Logistic: exact where the result rounds to 1 or exp(x). */
TML_KERNEL float tml_float_logistic(float x)
{
    if (x > 16.619047164916992f) {
        return 1.0f;
    }
    return x < -9.0f ? tml_float_exp(x) : 1.0f / (1.0f + tml_float_exp(-x));
}

TML_KERNEL float tml_float_tanh(float x)
{
    const float size = x < 0.0f ? -x : x;
    if (size < 0.625f) {
        const float z = x * x;
        float p = -5.70498872745e-3f;
        p = p * z + 2.06390887954e-2f;
        p = p * z + -5.37397155531e-2f;
        p = p * z + 1.33314422036e-1f;
        p = p * z + -3.33332819422e-1f;
        return p * z * x + x;
    }
    const float made = 1.0f - 2.0f / (tml_float_exp(size + size) + 1.0f);
    return x < 0.0f ? -made : made;
}

TML_KERNEL uint32_t tml_float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

TML_KERNEL float tml_float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The greatest whole number that is not above x; what has no places behind the point stays. */
TML_KERNEL float tml_float_floor(float x)
{
    if (!(x > -8388608.0f && x < 8388608.0f)) {
        return x;
    }
    const float whole = (float)(int32_t)x;
    return whole == x ? x : (whole > x ? whole - 1.0f : whole);
}

/* The greatest whole number that is not above a / b, which is divided in double, as TFLM does. */
TML_KERNEL float tml_float_floor_divide(float a, float b)
{
    const double quotient = (double)a / (double)b;
    if (!(quotient > -4503599627370496.0 && quotient < 4503599627370496.0)) {
        return (float)quotient;
    }
    const double whole = (double)(int64_t)quotient;
    return whole == quotient ? (float)quotient : (float)(whole > quotient ? whole - 1.0 : whole);
}

/* The nearest whole number, of two equally near ones the even. Source: TensorFlow Lite, RoundToNearest. */
TML_KERNEL float tml_float_round(float x)
{
    const float below = tml_float_floor(x);
    const float rest = x - below;
    if (rest < 0.5f || (rest == 0.5f && ((int32_t)below & 1) == 0)) {
        return below;
    }
    return below + 1.0f;
}

/* The significand with its leading bit, 2^23 to 2^24 - 1, of a positive float, and its exponent: x is
 * significand * 2^(exponent - 150). */
TML_KERNEL uint32_t tml_float_parts(float x, int32_t *exponent)
{
    uint32_t significand = tml_float_bits(x) & UINT32_C(0x7FFFFF);
    *exponent = (int32_t)(tml_float_bits(x) >> 23 & 255u);
    if (*exponent != 0) {
        return significand | UINT32_C(0x800000);
    }
    *exponent = 1;
    TML_ROLLED
    while (significand < UINT32_C(0x800000)) {
        significand <<= 1;
        *exponent -= 1;
    }
    return significand;
}

TML_KERNEL float tml_float_sqrt(float x)
{
#if defined(__ARM_FP) && (__ARM_FP & 4) && (defined(__GNUC__) || defined(__clang__))
    float root;
    __asm__("vsqrt.f32 %0, %1" : "=t"(root) : "t"(x));
    return root;
#else
    if (!(x > 0.0f) || x > 3.40282347e38f) {
        return x < 0.0f ? tml_float_of_bits(UINT32_C(0x7FC00000)) : x;
    }
    int32_t exponent;
    const uint32_t significand = tml_float_parts(x, &exponent);
    const int32_t is_odd = exponent & 1;
    /* The root of 48 to 50 bits has 25, one more than are kept; it is never half way between two. */
    const uint64_t square = (uint64_t)significand << (is_odd ? 25 : 26);
    uint64_t root = 0;
    TML_ROLLED
    for (uint64_t bit = UINT64_C(1) << 24; bit != 0; bit >>= 1) {
        const uint64_t tried = root | bit;
        root = tried * tried <= square ? tried : root;
    }
    const uint32_t rounded = (uint32_t)((root + 1u) >> 1);
    const int32_t half = is_odd ? (exponent - 1) / 2 + 64 : exponent / 2 + 63;
    return tml_float_of_bits(((uint32_t)half << 23) + (rounded - UINT32_C(0x800000)));
#endif
}

TML_KERNEL float tml_float_log(float x)
{
    if (!(x > 0.0f) || x > 3.40282347e38f) {
        return x == 0.0f ? tml_float_of_bits(UINT32_C(0xFF800000))
                         : (x < 0.0f ? tml_float_of_bits(UINT32_C(0x7FC00000)) : x);
    }
    int32_t exponent;
    const uint32_t significand = tml_float_parts(x, &exponent);
    float m
        = tml_float_of_bits(significand - UINT32_C(0x800000) + UINT32_C(0x3F000000)); /* 0.5 to 1 */
    float e = (float)(exponent - 126);
    if (m < 0.707106781f) {
        e = e - 1.0f;
        m = m + m - 1.0f;
    } else {
        m = m - 1.0f;
    }
    const float z = m * m;
    float p = 7.0376836292e-2f;
    p = p * m + -1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m + -1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m + -1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m + -2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    float y = p * m * z;
    y = y + e * -2.12194440e-4f;
    y = y - 0.5f * z;
    return m + y + e * 0.693359375f;
}

/* The quarter turn that x lies in, from the nearest, and how far from it, from -pi/4 to pi/4.
 *
 * Whole quarters are taken away in double: within 2^20 nothing is lost, beyond 2^50 nothing is left.
 * Source of the polynomials: Cephes, sinf.c.
 */
TML_KERNEL int32_t tml_float_quarter(float x, float *rest)
{
    const double wide = (double)x;
    if (!(wide > -4503599627370496.0 && wide < 4503599627370496.0)) {
        *rest = x - x; /* 0, or no number of what is infinite */
        return 0;
    }
    const double turns = wide * 0.63661977236758138 + (wide < 0.0 ? -0.5 : 0.5);
    const int64_t quarter = (int64_t)turns;
    const double n = (double)quarter;
    *rest = (float)((wide - n * 1.5707963267341256) - n * 6.0771005065061922e-11);
    return (int32_t)(quarter & 3);
}

TML_KERNEL float tml_float_sine_near_zero(float r)
{
    const float z = r * r;
    float p = -1.9515295891e-4f;
    p = p * z + 8.3321608736e-3f;
    p = p * z + -1.6666654611e-1f;
    return p * z * r + r;
}

TML_KERNEL float tml_float_cosine_near_zero(float r)
{
    const float z = r * r;
    float p = 2.443315711809948e-5f;
    p = p * z + -1.388731625493765e-3f;
    p = p * z + 4.166664568298827e-2f;
    return p * z * z - 0.5f * z + 1.0f;
}

/* The sine of x and so many quarter turns. */
TML_KERNEL float tml_float_sine(float x, int32_t quarters)
{
    float r;
    const int32_t quarter = (tml_float_quarter(x, &r) + quarters) & 3;
    const float made = (quarter & 1) != 0 ? tml_float_cosine_near_zero(r)
                                          : tml_float_sine_near_zero(r);
    return (quarter & 2) != 0 ? -made : made;
}

/* What is left of a when whole multiples of b are taken away, with the sign of a; exact. */
TML_KERNEL float tml_float_remainder(float a, float b)
{
    const uint32_t sign = tml_float_bits(a) & UINT32_C(0x80000000);
    const float x = tml_float_of_bits(tml_float_bits(a) & UINT32_C(0x7FFFFFFF));
    const float y = tml_float_of_bits(tml_float_bits(b) & UINT32_C(0x7FFFFFFF));
    if (!(x <= 3.40282347e38f) || !(y > 0.0f)) {
        return tml_float_of_bits(UINT32_C(0x7FC00000));
    }
    if (x < y || y > 3.40282347e38f) {
        return a;
    }
    int32_t from, to;
    uint32_t rest = tml_float_parts(x, &from);
    const uint32_t divisor = tml_float_parts(y, &to);
    rest = rest >= divisor ? rest - divisor : rest;
    for (; from != to && rest != 0; --from) {
        rest <<= 1;
        rest = rest >= divisor ? rest - divisor : rest;
    }
    if (rest == 0) {
        return tml_float_of_bits(sign);
    }
    TML_ROLLED
    while (rest < UINT32_C(0x800000)) {
        rest <<= 1;
        --to;
    }
    const uint32_t bits = to > 0 ? ((uint32_t)to << 23) + (rest - UINT32_C(0x800000))
                                 : rest >> (1 - to);
    return tml_float_of_bits(sign | bits);
}

#endif
