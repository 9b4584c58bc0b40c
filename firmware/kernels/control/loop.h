/* loop.h: layers that run again and again, as the steps of a recurrent layer do.
 *
 *     before all rounds:  copies    the values that the first round begins with
 *     each round:         copies    the round's part of what it reads
 *                         body
 *                         copies    what it made, to the round's part of the result
 *     after all rounds:   copies
 *
 * A body is a function that calls ordinary kernels, all of whose values lie at fixed places. What one
 * round hands on to the next lies there too.
 */
#ifndef TML_LOOP_H
#define TML_LOOP_H

#include "tml.h"

/* In round i, `nbytes` from given + i * given_step go to made + i * made_step. */
typedef struct {
    void *made;
    const void *given;
    int32_t nbytes;
    int32_t made_step;
    int32_t given_step;
} tml_copy;

typedef struct {
    const tml_copy *copies; /* those for before all rounds, before each, after each, after all */
    int32_t count[4];       /* of these */
    int32_t rounds;
    void (*body)(void);
} tml_loop_params;

#define TML_CONTROL_SHARED static __attribute__((noinline, unused))

TML_CONTROL_SHARED const tml_copy *tml_copy_all(const tml_copy *copies, int32_t count,
                                                int32_t round)
{
    for (; count > 0; --count, ++copies) {
        memcpy((int8_t *)copies->made + round * copies->made_step,
               (const int8_t *)copies->given + round * copies->given_step, (size_t)copies->nbytes);
    }
    return copies;
}

/* Runs the body `rounds` times. */
TML_CONTROL_SHARED void tml_loop(const tml_loop_params *params)
{
    const tml_copy *each = tml_copy_all(params->copies, params->count[0], 0);
    for (int32_t round = 0; round < params->rounds; ++round) {
        const tml_copy *made = tml_copy_all(each, params->count[1], round);
        params->body();
        tml_copy_all(made, params->count[2], round);
    }
    tml_copy_all(each + params->count[1] + params->count[2], params->count[3], 0);
}

#endif
