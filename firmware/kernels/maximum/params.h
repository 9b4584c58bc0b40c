/* MAXIMUM and MINIMUM, with broadcasting: of each pair the greater or the lesser value, as they are.
 *
 * kernels/walks/broadcast_2.h says what count and steps are. Of two bools they are OR and AND.
 * The output may be an input of the same number of elements, in place.
 * Source: TensorFlow Lite, reference_ops::MaximumMinimumBroadcastSlow, which does not rescale.
 */
#ifndef TML_MAXIMUM_PARAMS_H
#define TML_MAXIMUM_PARAMS_H

#include "tml.h"

typedef struct {
    int32_t count[4];
    int32_t step1[4];
    int32_t step2[4];
} tml_maximum_params;

#endif
