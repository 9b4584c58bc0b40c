/* Comparisons: params.h says what they compute, kernels/types/type.h how this is included.
 *
 * The instance defines TML_COMPARED(value, requant), the number that a value is compared by.
 */

#define TML_MORE
#define TML_MADE bool

#define TML_WALK TML_OF(tml_equal)
#define TML_COMBINE(made, value1, value2) \
    made = TML_COMPARED(value1, params->input1_requant) \
        == TML_COMPARED(value2, params->input2_requant)
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK

#define TML_WALK TML_OF(tml_not_equal)
#define TML_COMBINE(made, value1, value2) \
    made = TML_COMPARED(value1, params->input1_requant) \
        != TML_COMPARED(value2, params->input2_requant)
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK

#define TML_WALK TML_OF(tml_greater)
#define TML_COMBINE(made, value1, value2) \
    made = TML_COMPARED(value1, params->input1_requant) \
        > TML_COMPARED(value2, params->input2_requant)
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK

#define TML_WALK TML_OF(tml_greater_equal)
#define TML_COMBINE(made, value1, value2) \
    made = TML_COMPARED(value1, params->input1_requant) \
        >= TML_COMPARED(value2, params->input2_requant)
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK

#define TML_WALK TML_OF(tml_less)
#define TML_COMBINE(made, value1, value2) \
    made = TML_COMPARED(value1, params->input1_requant) \
        < TML_COMPARED(value2, params->input2_requant)
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK

#define TML_WALK TML_OF(tml_less_equal)
#define TML_COMBINE(made, value1, value2) \
    made = TML_COMPARED(value1, params->input1_requant) \
        <= TML_COMPARED(value2, params->input2_requant)
#include "kernels/walks/broadcast_2.h"
#undef TML_COMBINE
#undef TML_WALK

#undef TML_MADE
#undef TML_MORE
