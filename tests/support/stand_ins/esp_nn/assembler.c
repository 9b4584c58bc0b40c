/* assembler.c: portable bodies for what ESP-NN has in Xtensa assembler, so that its C for the
 * ESP32-S3 runs on a PC.
 *
 * That C chooses among them and prepares what they get: padding, alignment, 16-bit copies,
 * tiles, all in scratch memory. Written from the declarations in the library's C files; the
 * arithmetic is ours.
 */
#include <stdint.h>

#include "tml_fixedpoint.h"

#define ROUND_UP(n, step) (((n) + (step) - 1) / (step) * (step))

/* How sums become outputs. */
typedef struct {
    int32_t offset;
    const int32_t *shift;
    const int32_t *mult;
    int32_t min;
    int32_t max;
} scale;

static int8_t rescale(const scale *s, int32_t sum, int channel)
{
    const int32_t value = tml_requantise(sum, s->mult[channel], s->shift[channel]) + s->offset;
    return (int8_t)tml_clamp_to(value, s->min, s->max);
}

static void must(int is_good)
{
    if (!is_good) {
        __builtin_trap();
    }
}

static int is_aligned(const void *pointer)
{
    return ((uintptr_t)pointer & 15u) == 0;
}

int esp_nn_dot_s8_aligned_esp32s3(const int8_t *a, const int8_t *b, int32_t length)
{
    int32_t sum = 0;
    must(is_aligned(a) && is_aligned(b) && length % 16 == 0);
    for (int32_t i = 0; i < length; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

int32_t esp_nn_dot_s8_unaligned_esp32s3(const int8_t *a, const int8_t *b, int32_t sixteens)
{
    int32_t sum = 0;
    must(is_aligned(a));
    for (int32_t i = 0; i < sixteens * 16; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* The input has its padding; each row of a filter is filled up to 16 bytes. Scratch takes the
 * biases. */
void esp_nn_conv_s8_filter_aligned_input_padded_esp32s3(
    const int8_t *input, uint16_t wd, uint16_t ht, uint16_t channels, int32_t in_offset,
    uint16_t stride_wd, uint16_t stride_ht, const int8_t *filter, uint16_t filter_wd,
    uint16_t filter_ht, const int32_t *bias, int8_t *out, uint16_t out_wd, uint16_t out_ht,
    uint16_t out_channels, int32_t out_offset, const int32_t *shift, const int32_t *mult, int32_t min,
    int32_t max, void *scratch)
{
    const scale s = {out_offset, shift, mult, min, max};
    const int length = filter_wd * channels;
    const int row = ROUND_UP(length, 16);
    must(is_aligned(filter));
    for (int f = 0; f < out_channels; f++) {
        ((int32_t *)scratch)[f] = bias[f];
    }
    for (int i = 0; i < out_ht * out_wd * out_channels; i++) {
        const int f = i % out_channels, pixel = i / out_channels;
        const int y = pixel / out_wd * stride_ht, x = pixel % out_wd * stride_wd;
        int32_t sum = ((int32_t *)scratch)[f];
        for (int k = 0; k < filter_ht; k++) {
            must(y + k < ht && x + filter_wd <= wd);
            const int8_t *in = input + ((y + k) * wd + x) * channels;
            for (int j = 0; j < length; j++) {
                sum += (in[j] + in_offset) * filter[(f * filter_ht + k) * row + j];
            }
        }
        *out++ = rescale(&s, sum, f);
    }
}

void esp_nn_conv_s8_1x1(const int8_t *input, uint16_t wd, uint16_t ht, uint16_t channels,
                        int32_t in_offset, const int8_t *filter, const int32_t *bias, int8_t *out,
                        uint16_t out_channels, int32_t out_offset, const int32_t *shift,
                        const int32_t *mult, int32_t min, int32_t max, void *scratch)
{
    const scale s = {out_offset, shift, mult, min, max};
    (void)scratch;
    for (int i = 0; i < wd * ht * out_channels; i++) {
        const int f = i % out_channels;
        int32_t sum = bias[f];
        for (int c = 0; c < channels; c++) {
            sum += (input[i / out_channels * channels + c] + in_offset) * filter[f * channels + c];
        }
        *out++ = rescale(&s, sum, f);
    }
}

void esp_nn_conv_s8_mult8_1x1_esp32s3(const int8_t *input, uint16_t wd, uint16_t ht,
                                      uint16_t channels, int32_t in_offset, const int8_t *filter,
                                      const int32_t *bias, int8_t *out, uint16_t out_wd,
                                      uint16_t out_ht, uint16_t out_channels, int32_t out_offset,
                                      const int32_t *shift, const int32_t *mult, int32_t min,
                                      int32_t max, void *scratch)
{
    must(channels % 8 == 0 && out_wd == wd && out_ht == ht && is_aligned(input));
    esp_nn_conv_s8_1x1(input, wd, ht, channels, in_offset, filter, bias, out, out_channels, out_offset,
                       shift, mult, min, max, scratch);
}

void esp_nn_s8_to_s16_esp32s3(const int8_t *from, int16_t *to, int size)
{
    for (int i = 0; i < size; i++) {
        to[i] = from[i];
    }
}

void esp_nn_aligned_s8_to_s16_with_offset_esp32s3(const int8_t *from, int16_t *to, int size,
                                                  int32_t offset)
{
    must(is_aligned(from) && is_aligned(to));
    for (int i = 0; i < size; i++) {
        to[i] = (int16_t)(from[i] + offset);
    }
}

/* 16-bit copies, the input's with its offset: what lies outside the image counts nothing. */
void esp_nn_depthwise_conv_s16_mult8_esp32s3(
    const int16_t *input, uint16_t wd, uint16_t ht, uint16_t channels, uint16_t pad_wd, uint16_t pad_ht,
    uint16_t stride_wd, uint16_t stride_ht, uint16_t ch_mult, const int16_t *filter,
    uint16_t filter_wd, uint16_t filter_ht, const int32_t *bias, int8_t *out, uint16_t out_wd,
    uint16_t out_ht, int32_t out_offset, const int32_t *shift, const int32_t *mult, int32_t min,
    int32_t max)
{
    const scale s = {out_offset, shift, mult, min, max};
    const int filters = channels * ch_mult;
    must(is_aligned(input) && is_aligned(filter));
    for (int i = 0; i < out_ht * out_wd * filters; i++) {
        const int f = i % filters, pixel = i / filters;
        int32_t sum = bias[f];
        for (int tap = 0; tap < filter_ht * filter_wd; tap++) {
            const int y = pixel / out_wd * stride_ht - pad_ht + tap / filter_wd;
            const int x = pixel % out_wd * stride_wd - pad_wd + tap % filter_wd;
            if (y >= 0 && y < ht && x >= 0 && x < wd) {
                sum += input[(y * wd + x) * channels + f / ch_mult] * filter[tap * filters + f];
            }
        }
        *out++ = rescale(&s, sum, f);
    }
}

void esp_nn_depthwise_conv_s16_mult4_esp32s3(
    const int16_t *input, uint16_t wd, uint16_t ht, uint16_t channels, uint16_t pad_wd, uint16_t pad_ht,
    uint16_t stride_wd, uint16_t stride_ht, uint16_t ch_mult, const int16_t *filter,
    uint16_t filter_wd, uint16_t filter_ht, const int32_t *bias, int8_t *out, uint16_t out_wd,
    uint16_t out_ht, int32_t out_offset, const int32_t *shift, const int32_t *mult, int32_t min,
    int32_t max)
{
    esp_nn_depthwise_conv_s16_mult8_esp32s3(
        input, wd, ht, channels, pad_wd, pad_ht, stride_wd, stride_ht, ch_mult, filter, filter_wd,
        filter_ht, bias, out, out_wd, out_ht, out_offset, shift, mult, min, max);
}

void esp_nn_depthwise_conv_s16_mult8_3x3_esp32s3(
    const int16_t *input, uint16_t wd, uint16_t ht, uint16_t channels, uint16_t pad_wd, uint16_t pad_ht,
    uint16_t stride_wd, uint16_t stride_ht, uint16_t ch_mult, const int16_t *filter,
    const int32_t *bias, int8_t *out, uint16_t out_wd, uint16_t out_ht, int32_t out_offset,
    const int32_t *shift, const int32_t *mult, int32_t min, int32_t max)
{
    esp_nn_depthwise_conv_s16_mult8_esp32s3(input, wd, ht, channels, pad_wd, pad_ht, stride_wd,
                                            stride_ht, ch_mult, filter, 3, 3, bias, out, out_wd,
                                            out_ht, out_offset, shift, mult, min, max);
}

void esp_nn_depthwise_conv_s16_mult1_esp32s3(
    const int16_t *input, uint16_t wd, uint16_t ht, uint16_t channels, uint16_t pad_wd, uint16_t pad_ht,
    uint16_t stride_wd, uint16_t stride_ht, const int16_t *filter, uint16_t filter_wd,
    uint16_t filter_ht, const int32_t *bias, int8_t *out, uint16_t out_wd, uint16_t out_ht,
    int32_t out_offset, const int32_t *shift, const int32_t *mult, int32_t min, int32_t max)
{
    must(channels % 8 == 0);
    esp_nn_depthwise_conv_s16_mult8_esp32s3(input, wd, ht, channels, pad_wd, pad_ht, stride_wd,
                                            stride_ht, 1, filter, filter_wd, filter_ht, bias, out,
                                            out_wd, out_ht, out_offset, shift, mult, min, max);
}

void esp_nn_depthwise_conv_s16_mult1_3x3_esp32s3(
    const int16_t *input, uint16_t wd, uint16_t ht, uint16_t channels, uint16_t pad_wd, uint16_t pad_ht,
    uint16_t stride_wd, uint16_t stride_ht, const int16_t *filter, const int32_t *bias, int8_t *out,
    uint16_t out_wd, uint16_t out_ht, int32_t out_offset, const int32_t *shift, const int32_t *mult,
    int32_t min, int32_t max)
{
    esp_nn_depthwise_conv_s16_mult1_esp32s3(input, wd, ht, channels, pad_wd, pad_ht, stride_wd,
                                            stride_ht, filter, 3, 3, bias, out, out_wd, out_ht,
                                            out_offset, shift, mult, min, max);
}

/* The input has its padding. */
void esp_nn_depthwise_conv_s8_mult1_3x3_padded_esp32s3(
    const int8_t *input, uint16_t wd, uint16_t ht, uint16_t channels, int32_t in_offset,
    uint16_t stride_wd, uint16_t stride_ht, const int8_t *filter, const int32_t *bias, int8_t *out,
    uint16_t out_wd, uint16_t out_ht, int32_t out_offset, const int32_t *shift, const int32_t *mult,
    int32_t min, int32_t max)
{
    const scale s = {out_offset, shift, mult, min, max};
    must(channels % 16 == 0 && is_aligned(input) && is_aligned(filter));
    for (int i = 0; i < out_ht * out_wd * channels; i++) {
        const int c = i % channels, pixel = i / channels;
        const int y = pixel / out_wd * stride_ht, x = pixel % out_wd * stride_wd;
        int32_t sum = bias[c];
        must(y + 3 <= ht && x + 3 <= wd);
        for (int tap = 0; tap < 9; tap++) {
            const int at = (y + tap / 3) * wd + x + tap % 3;
            sum += (input[at * channels + c] + in_offset) * filter[tap * channels + c];
        }
        *out++ = rescale(&s, sum, c);
    }
}

/* For short or misaligned rows, which we keep from the library. */
void esp_nn_fc_s16_esp32s3(void)
{
    must(0);
}

void esp_nn_fc_per_ch_s16_esp32s3(void)
{
    must(0);
}
