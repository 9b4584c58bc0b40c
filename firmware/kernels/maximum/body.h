/* MAXIMUM and MINIMUM: params.h says what they compute, kernels/types/type.h how this is included. */

#define TML_MORE
#define TML_TAKEN(value, offset) (value)

#define TML_WALK TML_OF(tml_maximum)
#define TML_COMBINE(made, value1, value2) \
    made = (TML_OF(tml_value))(value1 > value2 ? value1 : value2)
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK

#define TML_WALK TML_OF(tml_minimum)
#define TML_COMBINE(made, value1, value2) \
    made = (TML_OF(tml_value))(value1 < value2 ? value1 : value2)
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK

#undef TML_TAKEN
#undef TML_MORE
