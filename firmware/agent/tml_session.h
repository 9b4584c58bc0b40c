/* tml_session.h: one model, the input loaded for it, and what its last inference gave.
 *
 * invoke() overwrites its inputs, so the outputs of the first inference after a load are kept, and
 * later ones only serve timing. Before any load, those of the first inference since boot are.
 */
#ifndef TML_SESSION_H
#define TML_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "tml.h"

#define TML_ALL_LAYERS UINT32_MAX

void tml_session_start(const tml_model *model);

/* Core cycles since the start of the session; call it at least every 2^32 cycles. */
uint64_t tml_session_cycles(void);

/* An input is being written; it is written completely. */
void tml_session_input_changed(uint32_t input);
void tml_session_input_loaded(uint32_t input);

/* Whether every input was loaded since the last inference. */
bool tml_session_is_fresh(void);

/* Forgets the model's state. From now on inferences go on with the state that the one before has left, or
 * else each begins with a reset. */
void tml_session_keep_state(bool is_kept);

/* Runs the model; with a layer number, only up to that layer, whose output is then readable.
 * Returns false when it did not stop at that layer because the layer takes no code. */
bool tml_session_infer(uint32_t last_layer);

/* Cycles of the layer in the last inference that ran it. */
uint32_t tml_session_layer_cycles(uint32_t layer);

/* Cycles of all layers in the last complete inference. */
uint64_t tml_session_total_cycles(void);

/* Cycles of the first complete inference since boot, caches cold; 0 when there was none. */
uint64_t tml_session_first_cycles(void);

/* Cycles since boot that inferences took besides the model: preparing inputs, keeping outputs. */
uint64_t tml_session_other_cycles(void);

/* The kept bytes of an output. */
const uint8_t *tml_session_output(uint32_t index);

#endif
