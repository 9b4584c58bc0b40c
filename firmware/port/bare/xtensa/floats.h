/* floats.h: a float or double as mantissa and exponent, and back; for floats.c. */
#ifndef TML_XTENSA_FLOATS_H
#define TML_XTENSA_FLOATS_H

#include <stdint.h>

#define NAN_BITS UINT64_C(0x7FF8000000000000)
#define INF_BITS UINT64_C(0x7FF0000000000000)
#define SIGN_BIT UINT64_C(0x8000000000000000)

typedef struct {
    int32_t digits; /* of a mantissa, the leading one among them */
    int32_t bias;   /* of the exponent; twice as much and one is the field of infinity */
} format;

typedef struct {
    uint64_t mantissa; /* its leading one is bit 52, unless it is 0 */
    int32_t exponent;  /* of bit 0; infinities and NaN have the largest */
    uint64_t sign;     /* SIGN_BIT or 0 */
} number;

static const format single = {24, 127};
static const format wide = {53, 1023};

static const int32_t ENDLESS = 1 << 20; /* the exponent of infinities, mantissa 0, and NaN */

static uint64_t bits_of(double value)
{
    uint64_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t bits_of_float(float value)
{
    uint32_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint64_t bits)
{
    const uint32_t low = (uint32_t)bits;
    float value;
    __builtin_memcpy(&value, &low, sizeof value);
    return value;
}

static number unpack(uint64_t bits, format of)
{
    const int32_t fraction = of.digits - 1;
    const int32_t largest = 2 * of.bias + 1;
    const int32_t field = (int32_t)(bits >> fraction) & largest;
    const int is_negative = (int)(bits >> (of.digits == 53 ? 63 : 31)) & 1;
    number made = {bits & ((UINT64_C(1) << fraction) - 1u), 0, is_negative ? SIGN_BIT : 0};
    if (field == largest) {
        made.exponent = ENDLESS;
        return made;
    }
    made.mantissa |= (uint64_t)(field != 0) << fraction;
    made.exponent = (field != 0 ? field : 1) - of.bias - fraction;
    while (made.mantissa != 0 && made.mantissa >> 52 == 0) {
        made.mantissa <<= 1;
        made.exponent--;
    }
    return made;
}

/* The bits of mantissa * 2^exponent without a sign; bit 0 stands for all that is below it. */
static uint64_t pack(uint64_t mantissa, int32_t exponent, format of)
{
    if (mantissa == 0) {
        return 0;
    }
    while (mantissa >> (of.digits + 2) == 0) {
        mantissa <<= 1;
        exponent--;
    }
    while (mantissa >> (of.digits + 3) != 0) {
        mantissa = mantissa >> 1 | (mantissa & 1u);
        exponent++;
    }
    int32_t drop = 3;
    int32_t field = exponent + 3 + of.bias + of.digits - 1;
    for (; field < 1 && drop < of.digits + 4; field++) {
        drop++;
    }
    const uint64_t half = UINT64_C(1) << (drop - 1);
    const uint64_t rest = mantissa & ((half << 1) - 1u);
    uint64_t kept = mantissa >> drop;
    kept += rest > half || (rest == half && (kept & 1u)) ? 1u : 0u;
    const uint64_t largest = (uint64_t)(2 * of.bias + 1) << (of.digits - 1);
    if (field > 2 * of.bias) {
        return largest;
    }
    const uint64_t leading = UINT64_C(1) << (of.digits - 1);
    const uint64_t made = kept < leading ? kept : kept + ((uint64_t)(field - 1) << (of.digits - 1));
    return made < largest ? made : largest;
}

static int is_nan(number value)
{
    return value.exponent == ENDLESS && value.mantissa != 0;
}

static int is_infinite(number value)
{
    return value.exponent == ENDLESS && value.mantissa == 0;
}

static int is_zero(number value)
{
    return value.exponent != ENDLESS && value.mantissa == 0;
}

#endif
