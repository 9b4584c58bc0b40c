/* depthwise_sums.h: sums of 16 channels' products with a depthwise filter, for the ESP32-S3's vector unit.
 *
 *   16 channels    x x x x x x x x x x x x x x x x     of the pixel under a tap, at any address: two lines, shifted
 *   weights      * w w w w w w w w w w w w w w w w     of the tap; next ones are loaded meanwhile
 *   QACC        += s s s s s s s s s s s s s s s s     20 bits each
 *
 * The compiler proves which sums of a filter's products fit 20 bits; where not all do they are added up in memory.
 * Pixels outside the image hold the padding's value. No line is read of which no byte is wanted; channels that fill
 * no 16 leave lanes unused.
 */
#ifndef TML_PIE_DEPTHWISE_SUMS_H
#define TML_PIE_DEPTHWISE_SUMS_H

#include "kernels/pie/copy.h"
#include "kernels/pie/rescale.h"
#include "tml_window.h"

typedef struct {
    int32_t batches;
    tml_window height;
    tml_window width;
    int32_t channels;
    int32_t padding_value;
    int32_t lanes;      /* of a group of channels: 16, or 8 */
    int32_t taps_added; /* before sums could leave 20 bits; 0: all of them */
    tml_pie_rescale rescale;
} tml_pie_depthwise_params;

/* Memory that a pixel needs. */
typedef struct {
    int8_t *sums;       /* for reading lanes; a multiple of 16 */
    int8_t *outputs;    /* of a pixel; a multiple of 16 */
    int8_t *padding;    /* a pixel outside the image */
    const int8_t **tap; /* where each tap's pixel is */
} tml_pie_depthwise_scratch;

/* Finds the pixels under the taps of an output. */
TML_KERNEL void tml_pie_find_taps(const tml_pie_depthwise_params *params, const int8_t *input,
                                  const tml_taps *rows, const tml_taps *columns,
                                  const tml_pie_depthwise_scratch *scratch)
{
    const int8_t **tap = scratch->tap;
    const int32_t step = params->width.dilation * params->channels;
    TML_ROLLED
    for (int32_t k_y = 0; k_y < params->height.kernel; ++k_y) {
        const bool is_row = k_y >= rows->start && k_y < rows->end;
        const int32_t in_y = rows->input + k_y * params->height.dilation;
        const int8_t *at = input + (in_y * params->width.in + columns->input) * params->channels;
        TML_ROLLED
        for (int32_t k_x = 0; k_x < params->width.kernel; ++k_x) {
            *tap++ = is_row && k_x >= columns->start && k_x < columns->end ? at : scratch->padding;
            at += step;
        }
    }
}

#define TML_PIE_FIRST_WEIGHTS "ee.zero.qacc\n\tee.vld.128.ip q3, %[w], 16"

/* One tap; the weights of the next are loaded into the other of q3 and q4. Pointers step to the next column. */
#define TML_PIE_CHANNELS_TAP(load, own, next) \
    __asm__ volatile(load "ee.vmulas.s8.qacc.ld.ip " next ", %[w], 16, q2, " own \
                     : [w] "+r"(weights), [x] "+r"(x), [last] "+r"(last) \
                     : [step] "r"(step) \
                     : "memory")
#define TML_PIE_SHIFTED \
    "ee.ld.128.usar.xp q0, %[x], %[step]\n\t" \
    "ee.vld.128.xp q1, %[last], %[step]\n\t" \
    "ee.src.q q2, q0, q1\n\t"
#define TML_PIE_ALIGNED "ee.vld.128.xp q2, %[x], %[step]\n\t"

/* Sums of up to 16 channels from one on, of pixels that were found. */
TML_KERNEL void tml_pie_add_found_taps(const tml_pie_depthwise_params *params, int32_t channel, int32_t count,
                                       const int8_t *weights, const tml_pie_depthwise_scratch *scratch)
{
    const int32_t taps = params->height.kernel * params->width.kernel, step = 0;
    const int8_t **tap = scratch->tap;
    __asm__ volatile(TML_PIE_FIRST_WEIGHTS : [w] "+r"(weights) : : "memory");
    TML_UNROLLED
    for (int32_t i = 0; i < taps; ++i) {
        const int8_t *x = tap[i] + channel;
        const int8_t *last = x + count - 1;
        if (i % 2 == 0) {
            TML_PIE_CHANNELS_TAP(TML_PIE_SHIFTED, "q3", "q4");
        } else {
            TML_PIE_CHANNELS_TAP(TML_PIE_SHIFTED, "q4", "q3");
        }
    }
}

/* The same where sums could leave 20 bits: read after some taps, and added up in memory but for the last ones. */
TML_KERNEL void tml_pie_add_taps_in_parts(const tml_pie_depthwise_params *params, int32_t channel, int32_t count,
                                          const int8_t *weights, const int32_t *masks,
                                          const tml_pie_depthwise_scratch *scratch)
{
    const int8_t **tap = scratch->tap;
    const int32_t step = 0;
    tml_pie_clear(scratch->sums + TML_PIE_SUMS_BYTES);
    __asm__ volatile("ee.zero.qacc");
    int32_t until = params->taps_added;
    TML_ROLLED
    for (int32_t left = params->height.kernel * params->width.kernel; left > 0; --left) {
        const int8_t *x = *tap++ + channel;
        const int8_t *last = x + count - 1;
        __asm__ volatile(TML_PIE_SHIFTED "ee.vld.128.ip q3, %[w], 16\n\t"
                         "ee.vmulas.s8.qacc q2, q3"
                         : [w] "+r"(weights), [x] "+r"(x), [last] "+r"(last)
                         : [step] "r"(step)
                         : "memory");
        if (--until == 0 && left > 1) {
            tml_pie_read_16(scratch->sums, masks);
            tml_pie_add_up(scratch->sums + TML_PIE_SUMS_BYTES);
            __asm__ volatile("ee.zero.qacc");
            until = params->taps_added;
        }
    }
}

/* Sums of up to 16 channels where all taps lie inside the image; `x` is what the first one reads. */
TML_KERNEL void tml_pie_add_whole_window(const tml_pie_depthwise_params *params, const int8_t *x, int32_t count,
                                         const int8_t *weights, bool is_aligned)
{
    const int32_t step = params->width.dilation * params->channels;
    const int32_t down = params->height.dilation * params->width.in * params->channels
        - params->width.kernel * step;
    const int8_t *last = x + count - 1;
    __asm__ volatile(TML_PIE_FIRST_WEIGHTS : [w] "+r"(weights) : : "memory");
    int32_t number = 0;
    TML_UNROLLED
    for (int32_t k_y = 0; k_y < params->height.kernel; ++k_y) {
        TML_UNROLLED
        for (int32_t k_x = 0; k_x < params->width.kernel; ++k_x) {
            if (is_aligned) {
                if (number % 2 == 0) {
                    TML_PIE_CHANNELS_TAP(TML_PIE_ALIGNED, "q3", "q4");
                } else {
                    TML_PIE_CHANNELS_TAP(TML_PIE_ALIGNED, "q4", "q3");
                }
            } else if (number % 2 == 0) {
                TML_PIE_CHANNELS_TAP(TML_PIE_SHIFTED, "q3", "q4");
            } else {
                TML_PIE_CHANNELS_TAP(TML_PIE_SHIFTED, "q4", "q3");
            }
            ++number;
        }
        x += down;
        last += down;
    }
}

#endif
