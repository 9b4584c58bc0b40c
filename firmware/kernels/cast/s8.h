/* CAST: numbers of one type as those of another, without scales.
 *
 * Integers keep their low bits, bool is whether a number is not 0. A float loses its fraction; beyond
 * the integers of its new type it becomes the nearest of them, NaN becomes 0. TFLM leaves both open.
 * The output may begin where the input does when its elements are no larger.
 */
#ifndef TML_CAST_S8_H
#define TML_CAST_S8_H

#include "tml.h"

enum { TML_CAST_BOOL, TML_CAST_S8, TML_CAST_S16, TML_CAST_S32, TML_CAST_F32 };

typedef struct {
    int32_t count;
    int32_t from; /* TML_CAST_... */
    int32_t to;
} tml_cast_params;

/* Elements are taken out and put in by memcpy: input and output may be the same bytes. */
TML_KERNEL int32_t tml_cast_integer(int32_t from, const int8_t *at)
{
    int16_t half;
    int32_t word;
    switch (from) {
    case TML_CAST_S16: memcpy(&half, at, sizeof half); return half;
    case TML_CAST_S32: memcpy(&word, at, sizeof word); return word;
    default: return *at;
    }
}

TML_KERNEL int32_t tml_cast_rounded(const int8_t *at, int32_t bits)
{
    float value;
    memcpy(&value, at, sizeof value);
    const float limit = (float)(1u << (bits - 1));
    if (value >= limit) {
        return (int32_t)((UINT32_C(1) << (bits - 1)) - 1u);
    }
    if (value <= -limit) {
        return -(int32_t)((UINT32_C(1) << (bits - 1)) - 1u) - 1;
    }
    return value == value ? (int32_t)value : 0;
}

TML_KERNEL int8_t *tml_cast_put(int32_t to, int32_t value, int8_t *output)
{
    const int16_t half = (int16_t)(uint16_t)value;
    switch (to) {
    case TML_CAST_BOOL: *output = value != 0; return output + 1;
    case TML_CAST_S8: *output = (int8_t)(uint8_t)value; return output + 1;
    case TML_CAST_S16: memcpy(output, &half, sizeof half); return output + sizeof half;
    default: memcpy(output, &value, sizeof value); return output + sizeof value;
    }
}

TML_KERNEL void tml_cast_s8(const tml_cast_params *params, const int8_t *input, int8_t *output)
{
    const int32_t from = params->from, to = params->to;
    const int32_t read = from < TML_CAST_S16 ? 1 : (from == TML_CAST_S16 ? 2 : 4);
    const int32_t bits = to == TML_CAST_S8 ? 8 : (to == TML_CAST_S16 ? 16 : 32);
    for (int32_t i = 0; i < params->count; ++i) {
        float value;
        if (from == TML_CAST_F32 && to >= TML_CAST_F32) {
            memmove(output, input, sizeof value);
            output += sizeof value;
        } else if (from == TML_CAST_F32 && to == TML_CAST_BOOL) {
            memcpy(&value, input, sizeof value);
            *output++ = value != 0.0f;
        } else if (from == TML_CAST_F32) {
            output = tml_cast_put(to, tml_cast_rounded(input, bits), output);
        } else if (to == TML_CAST_F32) {
            value = (float)tml_cast_integer(from, input);
            memcpy(output, &value, sizeof value);
            output += sizeof value;
        } else {
            output = tml_cast_put(to, tml_cast_integer(from, input), output);
        }
        input += read;
    }
}

#endif
