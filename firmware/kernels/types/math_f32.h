/* exp and what is made of it, in float alone: no library's function gives the same bits everywhere.
 *
 * Within 2 units in the last place, tanh 3. Source of the polynomials: Cephes, expf.c and tanhf.c.
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

#endif
