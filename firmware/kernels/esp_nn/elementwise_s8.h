/* elementwise_s8.h: ADD and MUL of two tensors of one shape by ESP-NN.
 *
 * Formulas as in kernels/add/params.h and kernels/mul/params.h; no shift is to the left but the first,
 * by 20. The inputs are aligned to 16 bytes. The output must not touch them.
 */
#ifndef TML_ESP_NN_ELEMENTWISE_S8_H
#define TML_ESP_NN_ELEMENTWISE_S8_H

#include "kernels/esp_nn/call.h"

typedef struct {
    int32_t count;
    int32_t input1_offset;
    int32_t input2_offset;
    tml_requant input1_requant;
    tml_requant input2_requant;
    tml_requant output_requant;
    int32_t output_offset;
    tml_clamp clamp;
} tml_esp_nn_add_params;

typedef struct {
    int32_t count;
    int32_t input1_offset;
    int32_t input2_offset;
    tml_requant output_requant;
    int32_t output_offset;
    tml_clamp clamp;
} tml_esp_nn_mul_params;

TML_KERNEL void tml_esp_nn_add_s8(const tml_esp_nn_add_params *params, const int8_t *input1,
                                  const int8_t *input2, int8_t *output)
{
    esp_nn_add_elementwise_s8(input1, input2, params->input1_offset, params->input2_offset,
                              params->input1_requant.multiplier, params->input2_requant.multiplier,
                              params->input1_requant.shift, params->input2_requant.shift, 20,
                              output, params->output_offset, params->output_requant.multiplier,
                              params->output_requant.shift, params->clamp.min, params->clamp.max,
                              params->count);
}

TML_KERNEL void tml_esp_nn_mul_s8(const tml_esp_nn_mul_params *params, const int8_t *input1,
                                  const int8_t *input2, int8_t *output)
{
    esp_nn_mul_elementwise_s8(input1, input2, params->input1_offset, params->input2_offset, output,
                              params->output_offset, params->output_requant.multiplier,
                              params->output_requant.shift, params->clamp.min, params->clamp.max,
                              params->count);
}

#endif
