/* mul_s8.h: MUL of int8 elements, for the ESP32-S3's vector unit, sixteen at a time.
 *
 *   QACC   x * y + x * (-zero point 2) + y * (-zero point 1)      16 lanes of 20 bits, 2^17 at most
 *   q0 x,  q1 y,  q2 and q3 the negative zero points, each in two parts where one is 128
 *
 * The product of both zero points is part of the offsets with which lanes.h makes outputs of sums; all lanes have
 * the same constants. Scratch: 112 bytes, 16-byte aligned: sums, and what pairs.h wants.
 * Instructions per 16 elements: 25, and those of lanes.h.
 */
#ifndef TML_PIE_MUL_S8_H
#define TML_PIE_MUL_S8_H

#include "kernels/pie/pairs.h"
#include "kernels/pie/rescale.h"

typedef struct {
    tml_pie_pairs pairs;
    bool is_far; /* a zero point is -128 */
    tml_pie_rescale rescale;
} tml_pie_mul_params;

/* What the blocks of a layer are made with. */
typedef struct {
    const tml_pie_mul_params *params;
    const int8_t *offsets;
    const int32_t *scales;
    int8_t *sums;
} tml_pie_mul_layer;

TML_KERNEL void tml_pie_mul_16(const tml_pie_mul_layer *layer, const int8_t *x, const int8_t *y, int8_t *output)
{
    const int8_t *offsets = layer->offsets;
    __asm__ volatile("ee.zero.qacc\n\t"
                     "ee.vld.128.ip q0, %[x], 0\n\t"
                     "ee.vld.128.ip q1, %[y], 0\n\t"
                     "ee.vldbc.8.ip q2, %[offsets], 1\n\t"
                     "ee.vldbc.8.ip q3, %[offsets], 1\n\t"
                     "ee.vmulas.s8.qacc q0, q1\n\t"
                     "ee.vmulas.s8.qacc q0, q2\n\t"
                     "ee.vmulas.s8.qacc q1, q3"
                     : [x] "+r"(x), [y] "+r"(y), [offsets] "+r"(offsets)
                     :
                     : "memory");
    if (layer->params->is_far) {
        __asm__ volatile("ee.vldbc.8.ip q2, %[offsets], 1\n\t"
                         "ee.vldbc.8.ip q3, %[offsets], 1\n\t"
                         "ee.vmulas.s8.qacc q0, q2\n\t"
                         "ee.vmulas.s8.qacc q1, q3"
                         : [offsets] "+r"(offsets)
                         :
                         : "memory");
    }
    const tml_pie_words_of words = {layer->scales, layer->scales + TML_PIE_MASKS};
    tml_pie_finish(&layer->params->rescale, TML_PIE_LANES, false, &words, layer->sums, output);
}

TML_KERNEL void tml_pie_mul_blocks(const void *of, const int8_t *x, const int8_t *y, int8_t *to, int32_t blocks)
{
    const tml_pie_mul_layer *layer = (const tml_pie_mul_layer *)of;
    TML_ROLLED
    for (int32_t i = 0; i < blocks; ++i) {
        tml_pie_mul_16(layer, x, y, to);
        x += TML_PIE_LINE;
        y += TML_PIE_LINE;
        to += TML_PIE_LINE;
    }
}

TML_KERNEL void tml_pie_mul_s8(const tml_pie_mul_params *params, const int8_t *input1, const int8_t *input2,
                               const int8_t *offsets, const int32_t *scales, int8_t *output, int8_t *memory)
{
    const tml_pie_mul_layer layer = {params, offsets, scales, memory};
    tml_pie_each_pair(&params->pairs, input1, input2, output, memory + TML_PIE_SUMS_BYTES, tml_pie_mul_blocks, &layer);
}

#endif
