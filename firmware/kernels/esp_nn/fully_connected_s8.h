/* fully_connected_s8.h: FULLY_CONNECTED by ESP-NN, row by row.
 *
 * Formula and layouts as in kernels/fully_connected/params.h, with the plain bias and rescaling per
 * channel. Each row of the input is aligned to 16 bytes. The output must not touch the input.
 */
#ifndef TML_ESP_NN_FULLY_CONNECTED_S8_H
#define TML_ESP_NN_FULLY_CONNECTED_S8_H

#include "kernels/esp_nn/call.h"

typedef struct {
    int32_t batches;
    int32_t in_features;
    int32_t out_features;
    bool per_channel; /* else scales is one multiplier and one shift */
    int32_t input_offset;
    int32_t output_offset;
    tml_clamp clamp;
} tml_esp_nn_fully_connected_params;

TML_KERNEL void tml_esp_nn_fully_connected_s8(const tml_esp_nn_fully_connected_params *params,
                                              const int8_t *input, const int8_t *weights,
                                              const int32_t *bias, const int32_t *scales,
                                              int8_t *output)
{
    const uint16_t length = (uint16_t)params->in_features;
    const uint16_t channels = (uint16_t)params->out_features;
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        if (params->per_channel) {
            esp_nn_fully_connected_per_ch_s8(input, params->input_offset, length, weights, 0, bias,
                                             output, channels, params->output_offset,
                                             scales + params->out_features, scales,
                                             params->clamp.min, params->clamp.max);
        } else {
            esp_nn_fully_connected_s8(input, params->input_offset, length, weights, 0, bias, output,
                                      channels, params->output_offset, scales[1], scales[0],
                                      params->clamp.min, params->clamp.max);
        }
        input += params->in_features;
        output += params->out_features;
    }
}

#endif
