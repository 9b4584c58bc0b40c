/* floats.c: division of floats, and double, that the compiler calls for: the core has neither.
 *
 * As IEEE 754 has it, rounded to the nearest, ties to even; a NaN is the quiet one without a sign.
 * tests/sim/test_xtensa_floats.py holds it against this machine's.
 */
#include "floats.h"

float __divsf3(float n, float d);
double __adddf3(double a, double b);
double __subdf3(double a, double b);
double __muldf3(double a, double b);
double __divdf3(double n, double d);
double __extendsfdf2(float value);
float __truncdfsf2(double value);
double __floatsidf(int32_t value);
double __floatunsidf(uint32_t value);
double __floatdidf(int64_t value);
int32_t __fixdfsi(double value);
int64_t __fixdfdi(double value);
int __unorddf2(double a, double b);
int __eqdf2(double a, double b);
int __nedf2(double a, double b);
int __ltdf2(double a, double b);
int __ledf2(double a, double b);
int __gtdf2(double a, double b);
int __gedf2(double a, double b);

/* The bits of n / d, without a sign. */
static uint64_t quotient(number n, number d, format of)
{
    const uint64_t infinity = (uint64_t)(2 * of.bias + 1) << (of.digits - 1);
    if (is_nan(n) || is_nan(d) || (is_zero(n) && is_zero(d)) || (is_infinite(n) && is_infinite(d))) {
        return infinity | UINT64_C(1) << (of.digits - 2);
    }
    if (is_infinite(n) || is_zero(d)) {
        return infinity;
    }
    if (is_zero(n) || is_infinite(d)) {
        return 0;
    }
    uint64_t found = 0;
    uint64_t rest = n.mantissa;
    for (int bit = 0; bit < 57; bit++) {
        found <<= 1;
        if (rest >= d.mantissa) {
            rest -= d.mantissa;
            found |= 1u;
        }
        rest <<= 1;
    }
    return pack(found << 1 | (rest != 0), n.exponent - d.exponent - 57, of);
}

float __divsf3(float n, float d)
{
    const number up = unpack(bits_of_float(n), single);
    const number down = unpack(bits_of_float(d), single);
    const uint64_t bits = quotient(up, down, single);
    return float_of(bits > 0x7F800000u ? bits : bits | (up.sign ^ down.sign) >> 32);
}

double __divdf3(double n, double d)
{
    const number up = unpack(bits_of(n), wide);
    const number down = unpack(bits_of(d), wide);
    const uint64_t bits = quotient(up, down, wide);
    return double_of(bits > INF_BITS ? bits : bits | (up.sign ^ down.sign));
}

double __muldf3(double a, double b)
{
    const number x = unpack(bits_of(a), wide);
    const number y = unpack(bits_of(b), wide);
    const uint64_t sign = x.sign ^ y.sign;
    if (is_nan(x) || is_nan(y) || (is_infinite(x) && is_zero(y)) || (is_zero(x) && is_infinite(y))) {
        return double_of(NAN_BITS);
    }
    if (is_infinite(x) || is_infinite(y)) {
        return double_of(sign | INF_BITS);
    }
    const uint64_t high = x.mantissa >> 32;
    const uint64_t low = x.mantissa & 0xFFFFFFFFu;
    const uint64_t above = y.mantissa >> 32;
    const uint64_t below = y.mantissa & 0xFFFFFFFFu;
    const uint64_t middle = high * below + (low * below >> 32) + (low * above & 0xFFFFFFFFu);
    const uint64_t top = high * above + (middle >> 32) + (low * above >> 32); /* of 2^64 */
    const uint64_t rest = middle << 32 | (low * below & 0xFFFFFFFFu);
    const uint64_t kept = top << 16 | rest >> 48;
    const uint64_t sticky = rest << 16 != 0;
    return double_of(sign | pack(kept << 1 | sticky, x.exponent + y.exponent + 47, wide));
}

static double sum(number x, number y)
{
    if (is_nan(x) || is_nan(y) || (is_infinite(x) && is_infinite(y) && x.sign != y.sign)) {
        return double_of(NAN_BITS);
    }
    if (is_infinite(x) || is_infinite(y)) {
        return double_of((is_infinite(x) ? x.sign : y.sign) | INF_BITS);
    }
    if (is_zero(x) || is_zero(y)) {
        const uint64_t sign = is_zero(x) && is_zero(y) ? x.sign & y.sign : is_zero(x) ? y.sign : x.sign;
        const number kept = is_zero(x) ? y : x;
        return double_of(sign | pack(kept.mantissa, kept.exponent, wide));
    }
    const int is_smaller = x.exponent < y.exponent
        || (x.exponent == y.exponent && x.mantissa < y.mantissa);
    const number large = is_smaller ? y : x;
    const number small = is_smaller ? x : y;
    const int32_t apart = large.exponent - small.exponent;
    const uint64_t moved = small.mantissa << 4;
    const uint64_t lost = apart > 60 || (moved & ((UINT64_C(1) << apart) - 1u)) != 0;
    const uint64_t aligned = (apart > 60 ? 0 : moved >> apart) | lost;
    const uint64_t made = large.sign == small.sign ? (large.mantissa << 4) + aligned
                                                   : (large.mantissa << 4) - aligned;
    return double_of((made == 0 ? 0 : large.sign) | pack(made, large.exponent - 4, wide));
}

double __adddf3(double a, double b)
{
    return sum(unpack(bits_of(a), wide), unpack(bits_of(b), wide));
}

double __subdf3(double a, double b)
{
    return sum(unpack(bits_of(a), wide), unpack(bits_of(b) ^ SIGN_BIT, wide));
}

double __extendsfdf2(float value)
{
    const number held = unpack(bits_of_float(value), single);
    if (held.exponent == ENDLESS) {
        return double_of(held.mantissa != 0 ? NAN_BITS : held.sign | INF_BITS);
    }
    return double_of(held.sign | pack(held.mantissa, held.exponent, wide));
}

float __truncdfsf2(double value)
{
    const number held = unpack(bits_of(value), wide);
    const uint64_t sign = held.sign >> 32;
    if (held.exponent == ENDLESS) {
        return float_of(held.mantissa != 0 ? 0x7FC00000u : sign | 0x7F800000u);
    }
    return float_of(sign | pack(held.mantissa, held.exponent, single));
}

double __floatdidf(int64_t value)
{
    const uint64_t size = value < 0 ? 0u - (uint64_t)value : (uint64_t)value;
    return double_of((value < 0 ? SIGN_BIT : 0) | pack(size, 0, wide));
}

double __floatsidf(int32_t value)
{
    return __floatdidf(value);
}

double __floatunsidf(uint32_t value)
{
    return __floatdidf((int64_t)value);
}

/* Towards 0; C leaves open what becomes of values beyond the type. */
int64_t __fixdfdi(double value)
{
    const number held = unpack(bits_of(value), wide);
    const int32_t exponent = held.exponent;
    uint64_t size = 0;
    if (exponent >= 0) {
        size = exponent > 10 ? (uint64_t)INT64_MAX : held.mantissa << exponent;
    } else if (exponent > -53) {
        size = held.mantissa >> -exponent;
    }
    return held.sign != 0 ? (int64_t)(0u - size) : (int64_t)size;
}

int32_t __fixdfsi(double value)
{
    return (int32_t)__fixdfdi(value);
}

int __unorddf2(double a, double b)
{
    return is_nan(unpack(bits_of(a), wide)) || is_nan(unpack(bits_of(b), wide));
}

/* Below 0 for a < b, above for a > b, 0 where they are equal; ``open`` where one is a NaN. */
static int compared(double a, double b, int open)
{
    if (__unorddf2(a, b)) {
        return open;
    }
    const uint64_t x = bits_of(a);
    const uint64_t y = bits_of(b);
    const int64_t first = x & SIGN_BIT ? -(int64_t)(x ^ SIGN_BIT) : (int64_t)x;
    const int64_t second = y & SIGN_BIT ? -(int64_t)(y ^ SIGN_BIT) : (int64_t)y;
    return first < second ? -1 : first > second;
}

int __eqdf2(double a, double b)
{
    return compared(a, b, 1);
}

int __nedf2(double a, double b)
{
    return compared(a, b, 1);
}

int __ltdf2(double a, double b)
{
    return compared(a, b, 1);
}

int __ledf2(double a, double b)
{
    return compared(a, b, 1);
}

int __gtdf2(double a, double b)
{
    return compared(a, b, -1);
}

int __gedf2(double a, double b)
{
    return compared(a, b, -1);
}
