/* runtime.c: 64-bit arithmetic that the compiler calls for; there is no run-time library for
 * windowed Xtensa. */
#include <stdint.h>

typedef union {
    uint64_t all;
    uint32_t word[2]; /* the low one first */
} wide;

uint64_t __muldi3(uint64_t a, uint64_t b);
uint64_t __udivdi3(uint64_t n, uint64_t d);
uint64_t __umoddi3(uint64_t n, uint64_t d);
int64_t __divdi3(int64_t n, int64_t d);
int64_t __moddi3(int64_t n, int64_t d);

static uint64_t product(uint32_t a, uint32_t b)
{
    const uint32_t low = (a & 0xFFFFu) * (b & 0xFFFFu);
    const uint32_t first = (a & 0xFFFFu) * (b >> 16);
    const uint32_t second = (a >> 16) * (b & 0xFFFFu);
    const uint32_t middle = (low >> 16) + (first & 0xFFFFu) + (second & 0xFFFFu);
    wide result;
    result.word[0] = middle << 16 | (low & 0xFFFFu);
    result.word[1] = (a >> 16) * (b >> 16) + (first >> 16) + (second >> 16) + (middle >> 16);
    return result.all;
}

uint64_t __muldi3(uint64_t a, uint64_t b)
{
    const wide x = {.all = a};
    const wide y = {.all = b};
    wide result = {.all = product(x.word[0], y.word[0])};
    result.word[1] += x.word[0] * y.word[1] + x.word[1] * y.word[0];
    return result.all;
}

static uint64_t divide(uint64_t n, uint64_t d, uint64_t *rest)
{
    uint64_t quotient = 0;
    uint64_t r = 0;
    for (int bit = 0; bit < 64; bit++) {
        r = r << 1 | n >> 63;
        n <<= 1;
        quotient <<= 1;
        if (r >= d) {
            r -= d;
            quotient |= 1u;
        }
    }
    *rest = r;
    return quotient;
}

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? 0u - (uint64_t)value : (uint64_t)value;
}

uint64_t __udivdi3(uint64_t n, uint64_t d)
{
    uint64_t rest;
    return divide(n, d, &rest);
}

uint64_t __umoddi3(uint64_t n, uint64_t d)
{
    uint64_t rest;
    (void)divide(n, d, &rest);
    return rest;
}

int64_t __divdi3(int64_t n, int64_t d)
{
    const uint64_t quotient = __udivdi3(magnitude(n), magnitude(d));
    return (n < 0) != (d < 0) ? (int64_t)(0u - quotient) : (int64_t)quotient;
}

int64_t __moddi3(int64_t n, int64_t d)
{
    const uint64_t rest = __umoddi3(magnitude(n), magnitude(d));
    return n < 0 ? (int64_t)(0u - rest) : (int64_t)rest;
}

float __divsf3(float n, float d);

/* What the bits of a float are worth: mantissa * 2^exponent, the mantissa with 24 bits unless it
 * is 0. */
static uint32_t unpack(float value, int32_t *exponent)
{
    uint32_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    uint32_t mantissa = bits & 0x007FFFFFu;
    *exponent = (int32_t)(bits >> 23 & 0xFFu);
    if (*exponent != 0) {
        mantissa |= 0x00800000u;
    } else {
        *exponent = 1;
    }
    while (mantissa != 0 && mantissa < 0x00800000u) {
        mantissa <<= 1;
        --*exponent;
    }
    *exponent -= 150;
    return mantissa;
}

static float float_of(uint32_t bits)
{
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

/* mantissa (of at most 27 bits, the lowest sticky) * 2^exponent, rounded to the nearest, ties to
 * even. */
static uint32_t pack(uint32_t mantissa, int32_t exponent)
{
    int32_t drop = 3; /* of bits, so that 24 stay */
    while (mantissa < 0x04000000u) {
        mantissa <<= 1;
        exponent--;
    }
    int32_t field = exponent + 3 + 150;
    for (; field < 1 && drop < 31; field++) {
        drop++;
    }
    const uint32_t half = 1u << (drop - 1);
    const uint32_t rest = mantissa & ((half << 1) - 1u);
    uint32_t kept = mantissa >> drop;
    kept += rest > half || (rest == half && (kept & 1u)) ? 1u : 0u;
    if (field >= 255) {
        return 0x7F800000u;
    }
    return kept < 0x00800000u ? kept : kept + ((uint32_t)(field - 1) << 23);
}

float __divsf3(float n, float d)
{
    uint32_t sign;
    uint32_t other;
    __builtin_memcpy(&sign, &n, sizeof sign);
    __builtin_memcpy(&other, &d, sizeof other);
    sign = (sign ^ other) & 0x80000000u;
    const float inf = float_of(0x7F800000u);
    const int is_nan = n != n || d != d;
    if (is_nan || (n == 0.0f && d == 0.0f) || ((n == inf || n == -inf) && (d == inf || d == -inf))) {
        return float_of(0x7FC00000u);
    }
    if (n == inf || n == -inf || d == 0.0f) {
        return float_of(sign | 0x7F800000u);
    }
    if (n == 0.0f || d == inf || d == -inf) {
        return float_of(sign);
    }
    int32_t up;
    int32_t down;
    const uint32_t a = unpack(n, &up);
    const uint32_t b = unpack(d, &down);
    const int is_less = a < b;
    const uint64_t scaled = (uint64_t)a << (is_less ? 27 : 26);
    const uint32_t quotient = (uint32_t)__udivdi3(scaled, b);
    const uint32_t sticky = __umoddi3(scaled, b) != 0 ? 1u : 0u;
    return float_of(sign | pack(quotient | sticky, up - down - (is_less ? 27 : 26)));
}
