/* SVDF of floats: params.h says what it computes, without offsets and rescaling.
 *
 * Each filter is summed for itself, from its oldest step to its newest; the output is the bias and the
 * filters of its unit, in this order, and then between its bounds. The state loses its oldest values.
 * Source: TensorFlow Lite Micro, EvalFloatSvdfReference.
 */
#ifndef TML_SVDF_F32_H
#define TML_SVDF_F32_H

#include "kernels/types/f32.h"

typedef struct {
    int32_t batches;
    int32_t in_features;
    int32_t units;
    int32_t rank;   /* filters of a unit */
    int32_t memory; /* values that a filter keeps */
    bool has_min;   /* whether outputs are bounded below */
    bool has_max;   /* and above: infinite ones stay so without */
    tml_clamp_f32 clamp;
} tml_svdf_params_f32;

/* The sum of products of two rows. */
TML_KERNEL float tml_svdf_dot(const float *a, const float *b, int32_t count)
{
    float sum = 0.0f;
    TML_ROLLED
    for (int32_t i = 0; i < count; ++i) {
        sum += a[i] * b[i];
    }
    return sum;
}

TML_KERNEL void tml_svdf_f32(const tml_svdf_params_f32 *params, const float *input,
                             const float *feature, const float *time, const float *bias,
                             float *state, float *output)
{
    const int32_t memory = params->memory;
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        const float *feature_at = feature;
        const float *time_at = time;
        for (int32_t unit = 0; unit < params->units; ++unit) {
            float sum = bias[unit];
            for (int32_t filter = 0; filter < params->rank; ++filter) {
                memmove(state, state + 1, (size_t)(memory - 1) * sizeof *state);
                state[memory - 1] = tml_svdf_dot(feature_at, input, params->in_features);
                sum += tml_svdf_dot(state, time_at, memory);
                feature_at += params->in_features;
                time_at += memory;
                state += memory;
            }
            sum = params->has_min && sum < params->clamp.min ? params->clamp.min : sum;
            *output++ = params->has_max && params->clamp.max < sum ? params->clamp.max : sum;
        }
        input += params->in_features;
    }
}

#endif
