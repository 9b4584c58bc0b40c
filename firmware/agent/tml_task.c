/* tml_task.c: see tml_task.h.
 *
 * Source: reference_submissions of mlcommons/tiny (th_load_tensor, th_results of the tasks).
 */
#include "tml_task.h"

#ifdef TML_TASK_FLOATS
#define BEYOND 1024.0f /* far outside of int8, and safe to convert */

static float loaded[TML_TASK_FLOATS];

uint8_t *tml_task_bytes(const tml_model *model, uint32_t input)
{
    (void)model;
    (void)input;
    return (uint8_t *)loaded;
}

uint32_t tml_task_capacity(const tml_model *model, uint32_t input)
{
    (void)model;
    (void)input;
    return sizeof loaded;
}

/* Half away from zero, like round(); any float, NaN included. */
static int32_t rounded(float value)
{
    if (!(value > -BEYOND)) {
        return (int32_t)-BEYOND;
    }
    if (value > BEYOND) {
        return (int32_t)BEYOND;
    }
    const int32_t whole = (int32_t)value;
    const float rest = value - (float)whole;
    return rest >= 0.5f ? whole + 1 : rest <= -0.5f ? whole - 1 : whole;
}

void tml_task_prepare(const tml_model *model)
{
    const tml_tensor *input = &model->inputs[0];
    int8_t *data = input->data;
    for (uint32_t i = 0; i < TML_TASK_FLOATS; i++) {
        const int32_t value = rounded(loaded[i] / input->scale) + input->zero_point;
        data[i] = (int8_t)(value < INT8_MIN ? INT8_MIN : value > INT8_MAX ? INT8_MAX : value);
    }
}

uint32_t tml_task_distance(const tml_model *model, const uint8_t *output)
{
    const tml_tensor *tensor = &model->outputs[0];
    float sum = 0.0f;
    for (uint32_t i = 0; i < TML_TASK_FLOATS; i++) {
        const int32_t steps = (int8_t)output[i] - tensor->zero_point;
        const float difference = (float)steps * tensor->scale - loaded[i];
        sum += difference * difference;
    }
    sum /= (float)TML_TASK_FLOATS;
    uint32_t bits;
    memcpy(&bits, &sum, sizeof bits);
    return bits;
}

#else

typedef int tml_task_is_inline; /* a file must not be empty */

#endif
