/* tml_task.h: how the bytes of a benchmark's data file become the model's input, and what its result is.
 *
 * Without TML_TASK_* in tml_config.h a file holds the input tensor, and the outputs are the result.
 */
#ifndef TML_TASK_H
#define TML_TASK_H

#include "tml.h"

/* Where the bytes of an input are put as they come, and how many there can be. */
uint8_t *tml_task_bytes(const tml_model *model, uint32_t input);
uint32_t tml_task_capacity(const tml_model *model, uint32_t input);

/* Makes the input of what was loaded. To be called once after a load, before the model runs. */
void tml_task_prepare(const tml_model *model);

#ifdef TML_TASK_DISTANCE
/* Mean square of output minus input, in real values, as the bits of a float; `output` is int8. */
uint32_t tml_task_distance(const tml_model *model, const uint8_t *output);
#endif

#endif
