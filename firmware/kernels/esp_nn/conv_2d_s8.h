/* conv_2d_s8.h: CONV_2D by ESP-NN; one image, no groups, no dilation.
 *
 * Formula and layouts as in kernels/conv_2d/params.h, with the plain bias and rescaling per channel.
 * Input, weights and scratch are aligned to 16 bytes. The output must not touch the input.
 */
#ifndef TML_ESP_NN_CONV_2D_S8_H
#define TML_ESP_NN_CONV_2D_S8_H

#include "kernels/esp_nn/call.h"

typedef struct {
    tml_window height;
    tml_window width;
    int32_t in_channels;
    int32_t out_channels;
    int32_t input_offset;
    int32_t output_offset;
    tml_clamp clamp;
    int32_t scratch_bytes;
} tml_esp_nn_conv_2d_params;

TML_KERNEL void tml_esp_nn_conv_2d_s8(const tml_esp_nn_conv_2d_params *params, const int8_t *input,
                                      const int8_t *weights, const int32_t *bias,
                                      const int32_t *scales, int8_t *output, int8_t *scratch)
{
    const tml_window *height = &params->height;
    const tml_window *width = &params->width;
    const data_dims_t in = tml_esp_nn_dims(width->in, height->in, params->in_channels);
    const data_dims_t filter = tml_esp_nn_dims(width->kernel, height->kernel, params->in_channels);
    const data_dims_t out = tml_esp_nn_dims(width->out, height->out, params->out_channels);
    const quant_data_t quant = tml_esp_nn_quant(scales, params->out_channels);
    const conv_params_t layer = {
        .in_offset = params->input_offset,
        .out_offset = params->output_offset,
        .stride = {width->stride, height->stride},
        .padding = {width->pad, height->pad},
        .dilation = {1, 1},
        .activation = {params->clamp.min, params->clamp.max},
    };
    tml_esp_nn_require(esp_nn_get_conv_scratch_size(&in, &filter, &out, &layer),
                       params->scratch_bytes);
    esp_nn_set_conv_scratch_buf(scratch);
    esp_nn_conv_s8(&in, input, &filter, weights, bias, &out, output, &layer, &quant);
}

#endif
