/* pool_2d_s8.h: AVERAGE_POOL_2D and MAX_POOL_2D by ESP-NN; one image.
 *
 * Formulas and layouts as in kernels/average_pool_2d/params.h and kernels/max_pool_2d/params.h. The
 * input is aligned to 16 bytes. The output must not touch it.
 */
#ifndef TML_ESP_NN_POOL_2D_S8_H
#define TML_ESP_NN_POOL_2D_S8_H

#include "kernels/esp_nn/call.h"

typedef struct {
    tml_window height;
    tml_window width;
    int32_t channels;
    tml_clamp clamp;
} tml_esp_nn_pool_2d_params;

TML_KERNEL void tml_esp_nn_average_pool_2d_s8(const tml_esp_nn_pool_2d_params *params,
                                              const int8_t *input, int8_t *output)
{
    const tml_window *height = &params->height;
    const tml_window *width = &params->width;
    esp_nn_avg_pool_s8(input, (uint16_t)width->in, (uint16_t)height->in, output,
                       (uint16_t)width->out, (uint16_t)height->out, (uint16_t)width->stride,
                       (uint16_t)height->stride, (uint16_t)width->kernel, (uint16_t)height->kernel,
                       (uint16_t)width->pad, (uint16_t)height->pad, params->clamp.min,
                       params->clamp.max, (uint16_t)params->channels);
}

TML_KERNEL void tml_esp_nn_max_pool_2d_s8(const tml_esp_nn_pool_2d_params *params,
                                          const int8_t *input, int8_t *output)
{
    const tml_window *height = &params->height;
    const tml_window *width = &params->width;
    esp_nn_max_pool_s8(input, (uint16_t)width->in, (uint16_t)height->in, output,
                       (uint16_t)width->out, (uint16_t)height->out, (uint16_t)width->stride,
                       (uint16_t)height->stride, (uint16_t)width->kernel, (uint16_t)height->kernel,
                       (uint16_t)width->pad, (uint16_t)height->pad, params->clamp.min,
                       params->clamp.max, (uint16_t)params->channels);
}

#endif
