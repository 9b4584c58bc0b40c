/* AVERAGE_POOL_2D: params.h says what it computes, kernels/types/type.h how this is included. */

#define TML_WALK TML_OF(tml_average_pool_2d)
#define TML_START 0
#define TML_FOLD(sum, value) sum += (value)
#define TML_FINISH(made, sum, count) \
    const int32_t half = (count) / 2; \
    const int32_t average = (sum > 0 ? sum + half : sum - half) / (count); \
    made = TML_OF(TML_CLAMPED)(average, params->clamp)
#include "kernels/walks/pooled.h"
#undef TML_FINISH
#undef TML_FOLD
#undef TML_START
#undef TML_WALK
