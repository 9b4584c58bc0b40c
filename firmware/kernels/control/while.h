/* while.h: layers that run again for as long as others, on the same values, say so.
 *
 *     copies      the values that it begins with
 *     condition   says whether to go on; it is asked before the first round
 *     body        changes the values where they lie; then the condition is asked again
 *     copies      the results
 *
 * Nothing bounds the number of rounds: a condition that always holds never ends, as in TensorFlow
 * Lite Micro. Source of the order: its while.cc.
 */
#ifndef TML_WHILE_H
#define TML_WHILE_H

#include "kernels/control/loop.h"

typedef struct {
    const tml_copy *copies; /* those for before all rounds, then those for after all */
    int32_t count[2];       /* of these */
    void (*condition)(void);
    void (*body)(void);
    const bool *goes_on; /* what the condition says */
} tml_while_params;

TML_CONTROL_SHARED void tml_while(const tml_while_params *params)
{
    const tml_copy *after = tml_copy_all(params->copies, params->count[0], 0);
    for (params->condition(); *params->goes_on; params->condition()) {
        params->body();
    }
    tml_copy_all(after, params->count[1], 0);
}

#endif
