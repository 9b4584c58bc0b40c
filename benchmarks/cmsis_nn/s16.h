/* Calls of CMSIS-NN's kernels for int16 values, as TensorFlow Lite Micro makes them.
 *
 * They are made through pointers that the compiler knows nothing of: TensorFlow Lite Micro calls a library
 * that was compiled before.
 */
#ifndef TML_CMSIS_NN_S16_H
#define TML_CMSIS_NN_S16_H

#include "tml.h"
#include "tml_window.h"

#include "arm_nnfunctions.h"
#include "arm_nnsupportfunctions.h"

#include "arm_convolve_s16.inc"
#include "arm_convolve_wrapper_s16.inc"
#include "arm_depthwise_conv_fast_s16.inc"
#include "arm_depthwise_conv_get_buffer_sizes_s16.inc"
#include "arm_depthwise_conv_s16.inc"
#include "arm_depthwise_conv_wrapper_s16.inc"
#include "arm_elementwise_add_s16.inc"
#include "arm_fully_connected_s16.inc"
#include "arm_nn_depthwise_conv_nt_t_s16.inc"
#include "arm_nn_mat_mult_kernel_s16.inc"
#include "arm_nn_mat_mult_nt_t_s16.inc"
#include "arm_nn_vec_mat_mult_t_s16.inc"

typedef struct {
    int32_t batches;
    tml_window height;
    tml_window width;
    int32_t in_channels;
    int32_t out_channels;
    bool has_32_bits; /* of the bias */
    tml_clamp clamp;
} tml_cmsis_images_params;

typedef struct {
    int32_t rows;
    int32_t in_features;
    int32_t out_channels;
    tml_requant requant;
    tml_clamp clamp;
} tml_cmsis_rows_params;

typedef struct {
    int32_t count;
    tml_requant input1;
    tml_requant input2;
    tml_requant output;
    tml_clamp clamp;
} tml_cmsis_add_params;

TML_KERNEL cmsis_nn_dims tml_cmsis_dims(int32_t n, int32_t h, int32_t w, int32_t c)
{
    const cmsis_nn_dims dims = {n, h, w, c};
    return dims;
}

TML_KERNEL void tml_cmsis_conv_2d_s16(const tml_cmsis_images_params *params, const int16_t *input,
                                      const int8_t *weights, const void *bias,
                                      const int32_t *multiplier, const int32_t *shift,
                                      int16_t *output, void *scratch)
{
    const tml_window *h = &params->height, *w = &params->width;
    __typeof__(&arm_convolve_wrapper_s16) volatile run = arm_convolve_wrapper_s16;
    const cmsis_nn_context context = {scratch, 0};
    const cmsis_nn_conv_params conv = {0,
                                       0,
                                       {w->stride, h->stride},
                                       {w->pad, h->pad},
                                       {w->dilation, h->dilation},
                                       {params->clamp.min, params->clamp.max}};
    const cmsis_nn_per_channel_quant_params quant
        = {(int32_t *)(uintptr_t)multiplier, (int32_t *)(uintptr_t)shift};
    const cmsis_nn_bias_data biases = {bias, params->has_32_bits};
    const cmsis_nn_dims given = tml_cmsis_dims(params->batches, h->in, w->in, params->in_channels);
    const cmsis_nn_dims filter
        = tml_cmsis_dims(params->out_channels, h->kernel, w->kernel, params->in_channels);
    const cmsis_nn_dims made
        = tml_cmsis_dims(params->batches, h->out, w->out, params->out_channels);
    const cmsis_nn_dims count = tml_cmsis_dims(1, 1, 1, params->out_channels);
    (void)run(&context, &conv, &quant, &given, input, &filter, weights, &count, &biases, &made,
              output);
}

TML_KERNEL void tml_cmsis_depthwise_s16(const tml_cmsis_images_params *params, const int16_t *input,
                                        const int8_t *weights, const int64_t *bias,
                                        const int32_t *multiplier, const int32_t *shift,
                                        int16_t *output, void *scratch)
{
    const tml_window *h = &params->height, *w = &params->width;
    __typeof__(&arm_depthwise_conv_wrapper_s16) volatile run = arm_depthwise_conv_wrapper_s16;
    const cmsis_nn_context context = {scratch, 0};
    const cmsis_nn_dw_conv_params conv = {0,
                                          0,
                                          params->out_channels / params->in_channels,
                                          {w->stride, h->stride},
                                          {w->pad, h->pad},
                                          {w->dilation, h->dilation},
                                          {params->clamp.min, params->clamp.max}};
    const cmsis_nn_per_channel_quant_params quant
        = {(int32_t *)(uintptr_t)multiplier, (int32_t *)(uintptr_t)shift};
    const cmsis_nn_dims given = tml_cmsis_dims(params->batches, h->in, w->in, params->in_channels);
    const cmsis_nn_dims filter = tml_cmsis_dims(1, h->kernel, w->kernel, params->out_channels);
    const cmsis_nn_dims made
        = tml_cmsis_dims(params->batches, h->out, w->out, params->out_channels);
    const cmsis_nn_dims count = tml_cmsis_dims(1, 1, 1, params->out_channels);
    (void)run(&context, &conv, &quant, &given, input, &filter, weights, &count, bias, &made,
              output);
}

TML_KERNEL void tml_cmsis_fully_connected_s16(const tml_cmsis_rows_params *params,
                                              const int16_t *input, const int8_t *weights,
                                              const int64_t *bias, int16_t *output)
{
    __typeof__(&arm_fully_connected_s16) volatile run = arm_fully_connected_s16;
    const cmsis_nn_context context = {NULL, 0};
    const cmsis_nn_fc_params dense = {0, 0, 0, {params->clamp.min, params->clamp.max}};
    const cmsis_nn_per_tensor_quant_params quant
        = {params->requant.multiplier, params->requant.shift};
    const cmsis_nn_dims given = tml_cmsis_dims(params->rows, 1, 1, params->in_features);
    const cmsis_nn_dims filter = tml_cmsis_dims(params->in_features, 1, 1, params->out_channels);
    const cmsis_nn_dims made = tml_cmsis_dims(params->rows, 1, 1, params->out_channels);
    (void)run(&context, &dense, &quant, &given, input, &filter, weights, &made, bias, &made,
              output);
}

TML_KERNEL void tml_cmsis_add_s16(const tml_cmsis_add_params *params, const int16_t *input1,
                                  const int16_t *input2, int16_t *output)
{
    __typeof__(&arm_elementwise_add_s16) volatile run = arm_elementwise_add_s16;
    (void)run(input1, input2, 0, params->input1.multiplier, params->input1.shift, 0,
              params->input2.multiplier, params->input2.shift, 15, output, 0,
              params->output.multiplier, params->output.shift, params->clamp.min, params->clamp.max,
              params->count);
}

#endif
