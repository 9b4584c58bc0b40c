/* esp_nn.c: see esp_nn.h. One straightforward loop nest per function. */
#include "esp_nn.h"

#include <string.h>

#include "tml_fixedpoint.h"

#define USED 0x5A

static void *conv_scratch;
static void *depthwise_scratch;

/* What fails here would be a wrong result or an overwritten tensor on the chip. */
static void check(int is_good)
{
    if (!is_good) {
        __builtin_trap();
    }
}

static void check_aligned(const void *pointer)
{
    check(((uintptr_t)pointer & 15u) == 0);
}

static void fill(void *scratch, int nbytes)
{
    check(scratch != NULL);
    check_aligned(scratch);
    memset(scratch, USED, (size_t)nbytes);
}

static int8_t rescale(int32_t sum, int32_t mult, int32_t shift, int32_t offset, int32_t min,
                      int32_t max)
{
    check(shift <= 0);
    const int32_t value = tml_requantise(sum, mult, shift) + offset;
    return (int8_t)(value < min ? min : value > max ? max : value);
}

/* Padding that a filter wants behind the image. */
static int pad_behind(int in, int out, int stride, int kernel, int pad)
{
    const int missing = (out - 1) * stride + kernel - in - pad;
    return missing > 0 ? missing : 0;
}

/* Where the real kernel is known to be wrong, as the table in tinyml/variants says. */
static void check_conv_padding(const data_dims_t *in, const data_dims_t *filter,
                               const data_dims_t *out, const conv_params_t *layer)
{
    const int pw = layer->padding.width, ph = layer->padding.height;
    const int right = pad_behind(in->width, out->width, layer->stride.width, filter->width, pw);
    const int lower = pad_behind(in->height, out->height, layer->stride.height, filter->height, ph);
    const int row = filter->width * in->channels;
    const int gathers = row < 16 && row * filter->height >= 16;
    check(gathers || (pw == 0 && ph == 0) || (right <= pw && lower <= ph));
}

static void check_depthwise_padding(const data_dims_t *in, const data_dims_t *filter,
                                    const data_dims_t *out, const dw_conv_params_t *layer)
{
    const int pw = layer->padding.width, ph = layer->padding.height, c = in->channels;
    const int is_3x3 = filter->width == 3 && filter->height == 3;
    if (layer->ch_mult != 1 || c % 8 != 0) {
        return;
    }
    check(!is_3x3 || c % 16 != 0 || (pw == ph && pw <= 1));
    const int values = (filter->width * filter->height + in->width * in->height) * c;
    const int lower = pad_behind(in->height, out->height, layer->stride.height, filter->height, ph);
    const int is_tiled = !is_3x3 && 2 * values > 48 * 1024;
    check(!is_tiled || layer->in_offset == 0 || (ph == 0 && lower == 0));
}

static int up(int value, int step)
{
    return (value + step - 1) / step * step;
}

static int behind(int in, int out, int stride, int kernel)
{
    const int missing = out * stride + kernel - 1 - in;
    return missing > 0 ? missing : 0;
}

int esp_nn_get_conv_scratch_size(const data_dims_t *input_dims, const data_dims_t *filter_dims,
                                 const data_dims_t *output_dims, const conv_params_t *conv_params)
{
    const int w = input_dims->width, h = input_dims->height, c = input_dims->channels;
    const int kw = filter_dims->width, kh = filter_dims->height, f = output_dims->channels;
    const int pw = conv_params->padding.width, ph = conv_params->padding.height;
    const int sw = conv_params->stride.width, sh = conv_params->stride.height;
    if (kw == 1 && kh == 1 && pw == 0 && ph == 0 && sw == 1 && sh == 1) {
        const int even = up(c, 8);
        return (c % 8 ? w * h * even : 0) + even * f + (w * h < 8 ? 0 : 16 * even) + 64;
    }
    if (kw * c < 16 && kw * kh * c >= 16) {
        const int window = up(kw * kh * c, 16);
        return f * 4 + 16 + f * window + 16 + window + 64;
    }
    const int right = behind(w, output_dims->width, sw, kw);
    const int lower = behind(h, output_dims->height, sh, kh);
    return (pw || ph ? (w + 2 * pw) * (h + 2 * ph) * c : 0) + kw * kh * up(c, 16) * f
        + up(kw * c, 16) * kh * f + (right || lower ? (w + right) * (h + lower) * c : 0) + 64 + 4 * f;
}

void esp_nn_set_conv_scratch_buf(const void *buf)
{
    conv_scratch = (void *)(uintptr_t)buf;
}

void esp_nn_conv_s8(const data_dims_t *input_dims, const int8_t *input_data,
                    const data_dims_t *filter_dims, const int8_t *filter_data, const int32_t *bias,
                    const data_dims_t *output_dims, int8_t *out_data,
                    const conv_params_t *conv_params, const quant_data_t *quant_data)
{
    const int w = input_dims->width, h = input_dims->height, c = input_dims->channels;
    const int kw = filter_dims->width, kh = filter_dims->height;
    check(filter_dims->channels == c && conv_params->dilation.width == 1);
    check_conv_padding(input_dims, filter_dims, output_dims, conv_params);
    check_aligned(input_data);
    check_aligned(filter_data);
    fill(conv_scratch,
         esp_nn_get_conv_scratch_size(input_dims, filter_dims, output_dims, conv_params));
    for (int y = 0; y < output_dims->height; y++) {
        for (int x = 0; x < output_dims->width; x++) {
            for (int f = 0; f < output_dims->channels; f++) {
                int32_t sum = bias[f];
                for (int tap = 0; tap < kw * kh; tap++) {
                    const int iy = y * conv_params->stride.height - conv_params->padding.height + tap / kw;
                    const int ix = x * conv_params->stride.width - conv_params->padding.width + tap % kw;
                    if (iy < 0 || iy >= h || ix < 0 || ix >= w) {
                        continue;
                    }
                    for (int i = 0; i < c; i++) {
                        sum += (input_data[(iy * w + ix) * c + i] + conv_params->in_offset)
                            * filter_data[(f * kw * kh + tap) * c + i];
                    }
                }
                *out_data++ = rescale(sum, quant_data->mult[f], quant_data->shift[f],
                                      conv_params->out_offset, conv_params->activation.min,
                                      conv_params->activation.max);
            }
        }
    }
}

static int evened(const data_dims_t *in, const data_dims_t *filter, const data_dims_t *out)
{
    const int even = up(in->channels, 8);
    int nbytes = up(2 * filter->width * filter->height * even, 16);
    nbytes = up(nbytes + 2 * in->width * in->height * even, 16);
    return up(nbytes + out->width * out->height * even, 16) + 12 * even + 16;
}

int esp_nn_get_depthwise_conv_scratch_size(const data_dims_t *input_dims,
                                           const data_dims_t *filter_dims,
                                           const data_dims_t *output_dims,
                                           const dw_conv_params_t *conv_params)
{
    const int w = input_dims->width, h = input_dims->height, c = input_dims->channels;
    const int kw = filter_dims->width, kh = filter_dims->height;
    const int pw = conv_params->padding.width, ph = conv_params->padding.height;
    const int filters = kw * kh * c * conv_params->ch_mult;
    const int words = 2 * (filters + w * h * c) + 32;
    if (conv_params->ch_mult != 1) {
        return words;
    }
    if (c % 8) {
        return evened(input_dims, filter_dims, output_dims);
    }
    if (kw != 3 || kh != 3) {
        return words - 32 <= 48 * 1024 ? words : 2 * filters + 2 * w * kh * c + 32;
    }
    const int wide = pw || ph ? 2 * pw
                              : output_dims->width * conv_params->stride.width + 2 - w;
    const int high = pw || ph ? 2 * ph
                              : output_dims->height * conv_params->stride.height + 2 - h;
    if (c % 16 == 0) {
        const int padded = (w + wide) * (h + high) * c;
        const int strip = padded <= 40 * 1024 ? padded : (w + wide) * 3 * c;
        return filters + (wide || high ? strip : 0) + 16;
    }
    if (c < 12) {
        return words;
    }
    const int full = up(c, 16);
    const int right = 2 * pw + behind(w, output_dims->width, conv_params->stride.width, 3);
    const int lower = 2 * ph + behind(h, output_dims->height, conv_params->stride.height, 3);
    return 9 * full + (w + right) * (h + lower) * full
        + output_dims->width * output_dims->height * full + 64;
}

void esp_nn_set_depthwise_conv_scratch_buf(const void *buf)
{
    depthwise_scratch = (void *)(uintptr_t)buf;
}

void esp_nn_depthwise_conv_s8(const data_dims_t *input_dims, const int8_t *input_data,
                              const data_dims_t *filter_dims, const int8_t *filter_data,
                              const int32_t *bias, const data_dims_t *output_dims, int8_t *out_data,
                              const dw_conv_params_t *conv_params, const quant_data_t *quant_data)
{
    const int w = input_dims->width, h = input_dims->height, c = input_dims->channels;
    const int kw = filter_dims->width, mult = conv_params->ch_mult;
    check(output_dims->channels == c * mult && conv_params->dilation.height == 1);
    check_depthwise_padding(input_dims, filter_dims, output_dims, conv_params);
    check_aligned(input_data);
    check_aligned(filter_data);
    fill(depthwise_scratch, esp_nn_get_depthwise_conv_scratch_size(input_dims, filter_dims,
                                                                   output_dims, conv_params));
    for (int y = 0; y < output_dims->height; y++) {
        for (int x = 0; x < output_dims->width; x++) {
            for (int f = 0; f < c * mult; f++) {
                int32_t sum = bias[f];
                for (int tap = 0; tap < kw * filter_dims->height; tap++) {
                    const int iy = y * conv_params->stride.height - conv_params->padding.height + tap / kw;
                    const int ix = x * conv_params->stride.width - conv_params->padding.width + tap % kw;
                    if (iy >= 0 && iy < h && ix >= 0 && ix < w) {
                        sum += (input_data[(iy * w + ix) * c + f / mult] + conv_params->in_offset)
                            * filter_data[tap * c * mult + f];
                    }
                }
                *out_data++ = rescale(sum, quant_data->mult[f], quant_data->shift[f],
                                      conv_params->out_offset, conv_params->activation.min,
                                      conv_params->activation.max);
            }
        }
    }
}

void esp_nn_fully_connected_per_ch_s8(const int8_t *input_data, const int32_t input_offset,
                                      const uint16_t row_len, const int8_t *filter_data,
                                      const int32_t filter_offset, const int32_t *bias,
                                      int8_t *out_data, const uint16_t out_channels,
                                      const int32_t out_offset, const int32_t *out_shift,
                                      const int32_t *out_mult, const int32_t activation_min,
                                      const int32_t activation_max)
{
    check_aligned(input_data);
    check(filter_offset == 0);
    for (int f = 0; f < out_channels; f++) {
        int32_t sum = bias[f];
        for (int i = 0; i < row_len; i++) {
            sum += (input_data[i] + input_offset) * *filter_data++;
        }
        out_data[f] = rescale(sum, out_mult[f], out_shift[f], out_offset, activation_min,
                              activation_max);
    }
}

void esp_nn_fully_connected_s8(const int8_t *input_data, const int32_t input_offset,
                               const uint16_t row_len, const int8_t *filter_data,
                               const int32_t filter_offset, const int32_t *bias, int8_t *out_data,
                               const uint16_t out_channels, const int32_t out_offset,
                               const int32_t out_shift, const int32_t out_mult,
                               const int32_t activation_min, const int32_t activation_max)
{
    for (int f = 0; f < out_channels; f++) {
        esp_nn_fully_connected_per_ch_s8(input_data, input_offset, row_len, filter_data + f * row_len,
                                         filter_offset, bias + f, out_data + f, 1, out_offset,
                                         &out_shift, &out_mult, activation_min, activation_max);
    }
}

/* Sum and number of the inputs in a window, or the greatest of them. */
typedef struct {
    int32_t sum;
    int32_t count;
    int32_t greatest;
} seen;

static seen look(const int8_t *input, int w, int h, int channels, int y, int x, int kw, int kh)
{
    seen window = {0, 0, -128};
    for (int iy = y < 0 ? 0 : y; iy < y + kh && iy < h; iy++) {
        for (int ix = x < 0 ? 0 : x; ix < x + kw && ix < w; ix++) {
            const int32_t value = input[(iy * w + ix) * channels];
            window.sum += value;
            window.count++;
            window.greatest = value > window.greatest ? value : window.greatest;
        }
    }
    return window;
}

static int8_t clamp(int32_t value, int32_t min, int32_t max)
{
    return (int8_t)(value < min ? min : value > max ? max : value);
}

void esp_nn_max_pool_s8(const int8_t *input, const uint16_t input_wd, const uint16_t input_ht,
                        int8_t *output, const uint16_t output_wd, const uint16_t output_ht,
                        const uint16_t stride_wd, const uint16_t stride_ht,
                        const uint16_t filter_wd, const uint16_t filter_ht, const uint16_t pad_wd,
                        const uint16_t pad_ht, const int32_t activation_min,
                        const int32_t activation_max, const uint16_t channels)
{
    check_aligned(input);
    for (int i = 0; i < output_ht * output_wd * channels; i++) {
        const int pixel = i / channels;
        const int y = pixel / output_wd * stride_ht - pad_ht;
        const int x = pixel % output_wd * stride_wd - pad_wd;
        const seen window = look(input + i % channels, input_wd, input_ht, channels, y, x,
                                 filter_wd, filter_ht);
        output[i] = clamp(window.greatest, activation_min, activation_max);
    }
}

void esp_nn_avg_pool_s8(const int8_t *input, const uint16_t input_wd, const uint16_t input_ht,
                        int8_t *output, const uint16_t output_wd, const uint16_t output_ht,
                        const uint16_t stride_wd, const uint16_t stride_ht,
                        const uint16_t filter_wd, const uint16_t filter_ht, const uint16_t pad_wd,
                        const uint16_t pad_ht, const int32_t activation_min,
                        const int32_t activation_max, const uint16_t channels)
{
    check_aligned(input);
    for (int i = 0; i < output_ht * output_wd * channels; i++) {
        const int pixel = i / channels;
        const int y = pixel / output_wd * stride_ht - pad_ht;
        const int x = pixel % output_wd * stride_wd - pad_wd;
        const seen window = look(input + i % channels, input_wd, input_ht, channels, y, x,
                                 filter_wd, filter_ht);
        const int32_t half = window.sum > 0 ? window.count / 2 : -(window.count / 2);
        output[i] = clamp((window.sum + half) / window.count, activation_min, activation_max);
    }
}

void esp_nn_add_elementwise_s8(const int8_t *input1_data, const int8_t *input2_data,
                               const int32_t input1_offset, const int32_t input2_offset,
                               const int32_t input1_mult, const int32_t input2_mult,
                               const int32_t input1_shift, const int32_t input2_shift,
                               const int32_t left_shift, int8_t *output, const int32_t out_offset,
                               const int32_t out_mult, const int32_t out_shift,
                               const int32_t activation_min, const int32_t activation_max,
                               const int32_t size)
{
    check_aligned(input1_data);
    check_aligned(input2_data);
    check(input1_shift <= 0 && input2_shift <= 0);
    for (int i = 0; i < size; i++) {
        const int32_t first = (input1_data[i] + input1_offset) * (1 << left_shift);
        const int32_t second = (input2_data[i] + input2_offset) * (1 << left_shift);
        const int32_t sum = tml_requantise(first, input1_mult, input1_shift)
            + tml_requantise(second, input2_mult, input2_shift);
        output[i] = rescale(sum, out_mult, out_shift, out_offset, activation_min, activation_max);
    }
}

void esp_nn_mul_elementwise_s8(const int8_t *input1_data, const int8_t *input2_data,
                               const int32_t input1_offset, const int32_t input2_offset,
                               int8_t *output, const int32_t out_offset, const int32_t out_mult,
                               const int32_t out_shift, const int32_t activation_min,
                               const int32_t activation_max, const int32_t size)
{
    check_aligned(input1_data);
    check_aligned(input2_data);
    for (int i = 0; i < size; i++) {
        const int32_t product = (input1_data[i] + input1_offset) * (input2_data[i] + input2_offset);
        output[i] = rescale(product, out_mult, out_shift, out_offset, activation_min, activation_max);
    }
}
