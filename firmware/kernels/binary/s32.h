/* ADD, SUB and MUL of two int32 values that stand for themselves, element by element, with broadcasting.
 *
 *   output = clamp(input1 (operator) input2)
 *
 * The lowest 32 bits of the result are taken, as a two's complement machine gives them, and clamped
 * then. kernels/walks/broadcast_2.h says what count and steps are. The output may be an input of the
 * same number of elements, in place.
 * Source of the arithmetic: TensorFlow Lite, reference_ops::Add, SubWithActivation and Mul.
 */
#ifndef TML_BINARY_S32_H
#define TML_BINARY_S32_H

#include "kernels/types/plain.h"

typedef struct {
    int32_t count[4];
    int32_t step1[4];
    int32_t step2[4];
    tml_clamp clamp;
} tml_binary_params_s32;

/* The type of params is the same for all, so that the walk is told what to do with two values. */
typedef tml_binary_params_s32 tml_add_params_s32;
typedef tml_binary_params_s32 tml_sub_params_s32;
typedef tml_binary_params_s32 tml_mul_params_s32;

TML_KERNEL void tml_add_s32(const tml_binary_params_s32 *params, const int32_t *input1,
                            const int32_t *input2, int32_t *output);
TML_KERNEL void tml_sub_s32(const tml_binary_params_s32 *params, const int32_t *input1,
                            const int32_t *input2, int32_t *output);
TML_KERNEL void tml_mul_s32(const tml_binary_params_s32 *params, const int32_t *input1,
                            const int32_t *input2, int32_t *output);

/* Without a sign, since it is undefined in C where a signed number runs over. */
#define TML_WRAPPED(made) TML_CLAMPED_s32((int32_t)(made), params->clamp)
#define TML_TYPE s32
#define TML_MORE
#define TML_TAKEN(value, offset) (value)

#define TML_OP add
#define TML_WALK tml_add_s32
#define TML_COMBINE(made, a, b) made = TML_WRAPPED((uint32_t)(a) + (uint32_t)(b))
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK
#undef TML_OP

#define TML_OP sub
#define TML_WALK tml_sub_s32
#define TML_COMBINE(made, a, b) made = TML_WRAPPED((uint32_t)(a) - (uint32_t)(b))
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK
#undef TML_OP

#define TML_OP mul
#define TML_WALK tml_mul_s32
#define TML_COMBINE(made, a, b) made = TML_WRAPPED((uint32_t)(a) * (uint32_t)(b))
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK
#undef TML_OP

#undef TML_TAKEN
#undef TML_MORE
#undef TML_TYPE
#undef TML_WRAPPED

#endif
