/* Numbers that stand for themselves, without a zero point: bool, int32, int64; see type.h. */
#ifndef TML_TYPES_PLAIN_H
#define TML_TYPES_PLAIN_H

#include "kernels/types/type.h"
#include "tml_fixedpoint.h"

typedef int8_t tml_value_b8; /* 0 or 1 */
typedef int32_t tml_value_s32;
typedef int64_t tml_value_s64;

typedef int32_t tml_wide_b8;
typedef int32_t tml_wide_s32;
typedef int64_t tml_wide_s64;

#define TML_CLAMPED_s32(value, clamp) tml_clamp_to(value, (clamp).min, (clamp).max)

#endif
