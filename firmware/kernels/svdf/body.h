/* SVDF: params.h says what it computes.
 *
 * The instance defines TML_SVDF, the function's name; TML_STATE, the type of state and time weights; and
 * TML_STATE_MIN and TML_STATE_MAX, what that holds.
 */

TML_KERNEL void TML_SVDF(const tml_svdf_params *params, const int8_t *input, const int8_t *feature,
                         const TML_STATE *time, const int32_t *bias, TML_STATE *state,
                         int8_t *output)
{
    const int32_t memory = params->memory;
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        const int8_t *feature_at = feature;
        const TML_STATE *time_at = time;
        for (int32_t unit = 0; unit < params->units; ++unit) {
            uint32_t sum = (uint32_t)bias[unit];
            for (int32_t filter = 0; filter < params->rank; ++filter) {
                int32_t fresh = 0;
                for (int32_t i = 0; i < params->in_features; ++i) {
                    fresh += *feature_at++ * (input[i] + params->input_offset);
                }
                fresh = tml_requantise(fresh, params->state_requant.multiplier,
                                       params->state_requant.shift);
                fresh = tml_clamp_to(fresh, TML_STATE_MIN, TML_STATE_MAX) + params->state_offset;
                memmove(state, state + 1, (size_t)(memory - 1) * sizeof *state);
                state[memory - 1] = (TML_STATE)fresh;
                for (int32_t t = 0; t < memory; ++t) {
                    sum += (uint32_t)*time_at++ * (uint32_t)(state[t] - params->state_offset);
                }
                state += memory;
            }
            const int32_t scaled = tml_requantise((int32_t)sum, params->output_requant.multiplier,
                                                  params->output_requant.shift);
            *output++ = (int8_t)tml_clamp_to(scaled + params->output_offset, -128, 127);
        }
        input += params->in_features;
    }
}
