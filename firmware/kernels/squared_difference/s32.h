/* SQUARED_DIFFERENCE of int32 values that stand for themselves, with broadcasting.
 *
 *   output = (input1 - input2)^2
 *
 * of which the lowest 32 bits are taken. kernels/walks/broadcast_2.h says what count and steps are. The
 * output may be an input of the same number of elements, in place.
 * Source of the arithmetic: TensorFlow Lite Micro, EvalSquaredDifference.
 */
#ifndef TML_SQUARED_DIFFERENCE_S32_H
#define TML_SQUARED_DIFFERENCE_S32_H

#include "kernels/types/plain.h"

typedef struct {
    int32_t count[4];
    int32_t step1[4];
    int32_t step2[4];
} tml_squared_difference_params_s32;

TML_KERNEL void tml_squared_difference_s32(const tml_squared_difference_params_s32 *params,
                                           const int32_t *input1, const int32_t *input2,
                                           int32_t *output);

/* Without a sign, since it is undefined in C where a signed number runs over. */
TML_KERNEL int32_t tml_squared_difference_of(int32_t a, int32_t b)
{
    const uint32_t difference = (uint32_t)a - (uint32_t)b;
    return (int32_t)(difference * difference);
}

#define TML_OP squared_difference
#define TML_TYPE s32
#define TML_MORE
#define TML_TAKEN(value, offset) (value)
#define TML_WALK tml_squared_difference_s32
#define TML_COMBINE(made, a, b) made = tml_squared_difference_of(a, b)
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK
#undef TML_TAKEN
#undef TML_MORE
#undef TML_OP
#undef TML_TYPE

#endif
