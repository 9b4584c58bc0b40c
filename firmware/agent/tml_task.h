/* tml_task.h: how the bytes of a benchmark's data file become the model's input, and what its result is.
 *
 * Without TML_TASK_* in tml_config.h a file holds the input tensor, and the outputs are the result.
 */
#ifndef TML_TASK_H
#define TML_TASK_H

#include "tml.h"
#include "tml_config.h"

#ifdef TML_TASK_FLOATS

/* Where the bytes of an input are put as they come, and how many there can be. */
uint8_t *tml_task_bytes(const tml_model *model, uint32_t input);
uint32_t tml_task_capacity(const tml_model *model, uint32_t input);

/* Makes the input of what was loaded. To be called once after a load, before the model runs. */
void tml_task_prepare(const tml_model *model);

/* Mean square of output minus input, in real values, as the bits of a float; `output` is int8. */
uint32_t tml_task_distance(const tml_model *model, const uint8_t *output);

#else

static inline uint8_t *tml_task_bytes(const tml_model *model, uint32_t input)
{
    return (uint8_t *)model->inputs[input].data;
}

static inline uint32_t tml_task_capacity(const tml_model *model, uint32_t input)
{
    return model->inputs[input].bytes;
}

static inline void tml_task_prepare(const tml_model *model)
{
#ifdef TML_TASK_PIXELS /* 0 to 255 become -128 to 127 */
    uint8_t *data = (uint8_t *)model->inputs[0].data;
    for (uint32_t i = 0; i < model->inputs[0].bytes; i++) {
        data[i] ^= 0x80u;
    }
#else
    (void)model;
#endif
}

#endif

#endif
