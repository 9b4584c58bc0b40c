/* MAX_POOL_2D: params.h says what it computes, kernels/types/type.h how this is included. */

#define TML_WALK TML_OF(tml_max_pool_2d)
#define TML_START params->clamp.min
#define TML_FOLD(greatest, value) greatest = (value) > greatest ? (value) : greatest
#define TML_FINISH(made, greatest, count) \
    (void)(count); \
    made = (TML_OF(tml_value))(greatest < params->clamp.max ? greatest : params->clamp.max)
#include "kernels/walks/pooled.h"
#undef TML_FINISH
#undef TML_FOLD
#undef TML_START
#undef TML_WALK
