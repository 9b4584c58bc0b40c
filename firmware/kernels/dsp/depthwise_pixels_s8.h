/* depthwise_pixels_s8.h: DEPTHWISE_CONV_2D with any filter, stride and dilation for Armv7E-M, an
 * output pixel at a time: for small images and few outputs, where planes would be gathered for little.
 *
 *   pixels under the taps     x: c0 c1 c2 c3     SXTB16: (c0, c2) (c1, c3)     four sums in registers:
 *   offset[0] -> x            .  .  .  .         weights (w0, w2) (w1, w3)     SMLABB, SMLATT
 *   offset[1] -> x                               of the same tap
 *
 * Four channels at a time come from the image as it lies. Where the taps of a window are, counted from
 * its first, stands in a list, the same for all windows inside the image; for one that hangs over the
 * border a list is made whose absent taps point to a line of padding in scratch. The last four channels
 * overlap those before them when they are no multiple of four.
 *
 * Stream, per four channels: biases, per tap the doubled weights as above, multiplier, offset and shift
 * of each (the rounding form of tinyml/ir/requant.py on 2 * sum).
 * Layouts: NHWC, at least four channels; scratch: a line of channels rounded up to 4, two lists of taps.
 * Like the plain kernel it finishes one pixel after the other.
 * Instructions per pixel: 30, at the border 14 per tap more, and per four channels 40, 9 per tap and 2
 * per nine taps.
 */
#ifndef TML_DSP_DEPTHWISE_PIXELS_S8_H
#define TML_DSP_DEPTHWISE_PIXELS_S8_H

#include "tml_window.h"
#include "kernels/dsp/gemm_block.h"

typedef struct {
    int32_t batches;
    tml_window height;
    tml_window width;
    int32_t channels;
    int32_t padding_value;
    uint32_t loops;        /* passes over the unrolled taps */
    uint32_t entry;        /* bytes of them that the first pass skips */
    int32_t group_words;   /* of the stream for four channels */
} tml_dsp_depthwise_pixels_params;

/* One run of the block: groups of four channels of a pixel. */
typedef struct {
    const int32_t *offsets; /* of the taps, bytes from `window` */
    uint32_t loops;
    uint32_t entry;
    int32_t output;     /* bytes from `window` to the output */
    const int8_t *end;  /* of the first pixel's channels */
    const int8_t *window;
    const int32_t *stream;
} tml_dsp_pixel;

#define TML_DSP_PIXEL_ROUND(sum)                                                               \
    "ldm r1!, {r6, r7, r8}\n\t"                                                                \
    "add r7, r7, " sum ", asr #31\n\tsmmlar " sum ", " sum ", r6, r7\n\t"                      \
    "asr " sum ", " sum ", r8\n\tssat " sum ", #8, " sum "\n\t"

/* Stack frame while running: offsets, loops, address of entry, output, end. */
TML_DSP_SHARED void tml_dsp_depthwise_pixel(const tml_dsp_pixel *pixel)
{
    __asm__ volatile("mov r0, %0\n\t"
                     "push {r4-r11, lr}\n\t"
                     "ldm r0, {r1-r7}\n\t"
                     "adr.w r8, 2f\n\t"
                     "add r3, r8\n\t"
                     "orr r3, #1\n\t"
                     "push {r1-r5}\n\t"
                     "mov r9, r6\n\t"
                     "mov r1, r7\n"
                     "1:\n\t" /* next four channels: sums start with the biases */
                     "ldm r1!, {r2, r3, r4, r5}\n\t"
                     "ldrd r0, lr, [sp]\n\t"
                     "ldr pc, [sp, #8]\n\t"
                     ".balign 4\n"
                     "2:\n\t"
                     ".rept 9\n\t"
                     "ldr.w r6, [r0], #4\n\t"
                     "ldrd r10, r11, [r1], #8\n\t"
                     "ldr.w r6, [r9, r6]\n\t"
                     "sxtb16 r8, r6, ror #8\n\t"
                     "sxtb16 r6, r6\n\t"
                     "smlabb r2, r6, r10, r2\n\t"
                     "smlatt r4, r6, r10, r4\n\t"
                     "smlabb r3, r8, r11, r3\n\t"
                     "smlatt r5, r8, r11, r5\n\t"
                     ".endr\n\t"
                     "subs lr, #1\n\t"
                     "bne.w 2b\n\t"
                     TML_DSP_PIXEL_ROUND("r2") TML_DSP_PIXEL_ROUND("r3")
                     TML_DSP_PIXEL_ROUND("r4") TML_DSP_PIXEL_ROUND("r5")
                     "ldrd r0, r6, [sp, #12]\n\t"
                     "add r0, r9\n\t"
                     "add r9, #4\n\t"
                     "strb r2, [r0]\n\tstrb r3, [r0, #1]\n\tstrb r4, [r0, #2]\n\tstrb r5, [r0, #3]\n\t"
                     "cmp r9, r6\n\t"
                     "bne.w 1b\n\t"
                     "add sp, #20\n\t"
                     "pop {r4-r11, lr}\n\t"
                     :
                     : "r"(pixel)
                     : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
}

/* Where the taps of a window are that begins at row y and column x, outside of the image or not:
 * bytes from `window`, its first byte; absent ones at `padding`. */
TML_KERNEL void tml_dsp_pixel_offsets(const tml_dsp_depthwise_pixels_params *params, int32_t y,
                                      int32_t x, int32_t padding, int32_t *offsets)
{
    const tml_window *height = &params->height, *width = &params->width;
    TML_ROLLED
    for (int32_t k_y = 0; k_y < height->kernel; ++k_y) {
        const int32_t row = k_y * height->dilation;
        const bool is_row = (uint32_t)(y + row) < (uint32_t)height->in;
        TML_ROLLED
        for (int32_t k_x = 0; k_x < width->kernel; ++k_x) {
            const int32_t column = k_x * width->dilation;
            const bool is_inside = is_row && (uint32_t)(x + column) < (uint32_t)width->in;
            *offsets++ = is_inside ? (row * width->in + column) * params->channels : padding;
        }
    }
}

/* All channels of an output pixel. */
TML_KERNEL void tml_dsp_pixel_made(const tml_dsp_depthwise_pixels_params *params,
                                   const int8_t *window, const int32_t *offsets,
                                   const int32_t *stream, int8_t *output)
{
    const int32_t channels = params->channels, whole = channels & ~3;
    tml_dsp_pixel pixel = {offsets, params->loops, params->entry,
                           (int32_t)((uintptr_t)output - (uintptr_t)window), window + whole,
                           window, stream};
    tml_dsp_depthwise_pixel(&pixel);
    if (whole != channels) {
        pixel.window = window + channels - 4;
        pixel.end = window + channels;
        pixel.stream = stream + (whole >> 2) * params->group_words;
        tml_dsp_depthwise_pixel(&pixel);
    }
}

TML_KERNEL bool tml_dsp_is_inside(const tml_window *axis, int32_t first)
{
    return first >= 0 && first + (axis->kernel - 1) * axis->dilation < axis->in;
}

/* One shared body for all layers of a model. */
TML_DSP_SHARED void tml_dsp_depthwise_pixels_s8(const tml_dsp_depthwise_pixels_params *params,
                                                const int8_t *input, const int32_t *stream,
                                                int8_t *output, int32_t *scratch)
{
    const tml_window *height = &params->height, *width = &params->width;
    const int32_t taps = height->kernel * width->kernel, channels = params->channels;
    int32_t *const inside = scratch, *const border = scratch + taps;
    int8_t *const line = (int8_t *)(border + taps);
    memset(line, params->padding_value, (size_t)channels);
    for (int32_t i = 0; i < taps; ++i) {
        const int32_t row = i / width->kernel, column = i % width->kernel;
        inside[i] = (row * height->dilation * width->in + column * width->dilation) * channels;
    }
    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t y = -height->pad, left_y = height->out; left_y > 0;
             --left_y, y += height->stride) {
            const bool is_row = tml_dsp_is_inside(height, y);
            TML_ROLLED
            for (int32_t x = -width->pad, left_x = width->out; left_x > 0;
                 --left_x, x += width->stride) {
                const int8_t *window = input + (y * width->in + x) * channels;
                const int32_t *offsets = inside;
                if (!is_row || !tml_dsp_is_inside(width, x)) {
                    const int32_t padding = (int32_t)((uintptr_t)line - (uintptr_t)window);
                    tml_dsp_pixel_offsets(params, y, x, padding, border);
                    offsets = border;
                }
                tml_dsp_pixel_made(params, window, offsets, stream, output);
                output += channels;
            }
        }
        input += height->in * width->in * channels;
    }
}

#endif
