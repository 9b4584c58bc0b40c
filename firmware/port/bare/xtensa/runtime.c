/* runtime.c: 64-bit integers that the compiler calls for; there is no run-time library for windowed
 * Xtensa. floats.c has what it calls for of floats. */
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
