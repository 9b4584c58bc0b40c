/* mean_s8.h: MEAN, SUM and averages of a whole image, for the ESP32-S3's vector unit.
 *
 *   QACC   += x x x x x x x x x x x x x x x x  * weight      16 channels of one pixel after the other, 20 bits each
 *
 * Channels lie last, all pixels of a batch are added up; lanes.h makes outputs of the sums. The compiler proves
 * that they fit 20 bits. No line is read of which no byte is wanted.
 * Scratch: 64 bytes, channels filled up to 16; 16-byte aligned.
 * Instructions per 16 channels: 2 per pixel where pixels begin at multiples of 16, else 6; 20; those of lanes.h.
 */
#ifndef TML_PIE_MEAN_S8_H
#define TML_PIE_MEAN_S8_H

#include "kernels/pie/copy.h"
#include "kernels/pie/rescale.h"

typedef struct {
    int32_t batches;
    int32_t pixels;
    int32_t channels;
    int32_t lanes;  /* of a group of channels: 16, or 8 */
    int32_t weight; /* of every value */
    tml_pie_rescale rescale;
} tml_pie_mean_params;

/* Sums of 16 channels; the pixels begin at multiples of 16. */
TML_KERNEL void tml_pie_add_aligned(const tml_pie_mean_params *params, const int8_t *x)
{
    const int32_t step = params->channels;
    __asm__ volatile("ee.vld.128.xp q0, %[x], %[step]" : [x] "+r"(x) : [step] "r"(step) : "memory");
    TML_ROLLED
    for (int32_t pairs = (params->pixels - 1) / 2; pairs > 0; --pairs) {
        __asm__ volatile("ee.vmulas.s8.qacc.ld.xp q1, %[x], %[step], q0, q3\n\t"
                         "ee.vmulas.s8.qacc.ld.xp q0, %[x], %[step], q1, q3"
                         : [x] "+r"(x)
                         : [step] "r"(step)
                         : "memory");
    }
    if (params->pixels % 2 == 0) {
        __asm__ volatile("ee.vmulas.s8.qacc.ld.xp q1, %[x], %[step], q0, q3\n\t"
                         "ee.vmulas.s8.qacc q1, q3"
                         : [x] "+r"(x)
                         : [step] "r"(step)
                         : "memory");
    } else {
        __asm__ volatile("ee.vmulas.s8.qacc q0, q3");
    }
}

/* Sums of up to 16 channels of pixels at any address: two lines each, shifted. */
TML_KERNEL void tml_pie_add_shifted(const tml_pie_mean_params *params, const int8_t *x, int32_t count)
{
    const int32_t step = params->channels;
    const int8_t *last = x + count - 1;
    TML_ROLLED
    for (int32_t left = params->pixels; left > 0; --left) {
        __asm__ volatile("ee.ld.128.usar.xp q0, %[x], %[step]\n\t"
                         "ee.vld.128.xp q1, %[last], %[step]\n\t"
                         "ee.src.q q0, q0, q1\n\t"
                         "ee.vmulas.s8.qacc q0, q3"
                         : [x] "+r"(x), [last] "+r"(last)
                         : [step] "r"(step)
                         : "memory");
    }
}

TML_KERNEL void tml_pie_mean_s8(const tml_pie_mean_params *params, const int8_t *input, const int32_t *scales,
                                int8_t *output, int8_t *memory)
{
    const int8_t weight = (int8_t)params->weight;
    const int32_t channels = params->channels, lanes = params->lanes;
    int8_t *const made = memory + TML_PIE_SUMS_BYTES;
    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        const bool is_aligned = channels % TML_PIE_LINE == 0 && ((uintptr_t)input & (TML_PIE_LINE - 1)) == 0;
        TML_ROLLED
        for (int32_t from = 0; from < channels; from += lanes) {
            const int32_t left = channels - from;
            __asm__ volatile("ee.zero.qacc\n\tee.vldbc.8 q3, %[weight]"
                             : : [weight] "r"(&weight), "m"(weight) : "memory");
            if (is_aligned) {
                tml_pie_add_aligned(params, input + from);
            } else {
                tml_pie_add_shifted(params, input + from, left < lanes ? left : lanes);
            }
            const int32_t *own = scales + TML_PIE_MASKS + from / lanes * tml_pie_words(&params->rescale, lanes);
            const tml_pie_words_of words = {scales, own};
            tml_pie_finish(&params->rescale, lanes, false, &words, memory, made + from);
        }
        tml_pie_put(output, made, channels);
        input += params->pixels * channels;
        output += channels;
    }
}

#endif
