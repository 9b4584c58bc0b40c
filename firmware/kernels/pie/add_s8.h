/* add_s8.h: ADD and SUB of int8 elements, for the ESP32-S3's vector unit, sixteen at a time (pairs.h).
 *
 *   output = clamp((offset + input1 * factor1 + input2 * factor2) >> shift)
 *
 *   q0, q1   input1, each byte times 256 in 16 bits          q4   halves of the factors and of the offset
 *   q2, q3   input2                                          q5   -2^15 in each lane,   q6   1 in each lane
 *
 * The linear form that tinyml/variants/dsp_elementwise.py finds and checks over all 65,536 pairs of inputs.
 * Factors are of 24 bits, products of 16: those of the lower halves are made first and carried.
 * Instructions per 16 elements: 28; 4 more for bounds.
 */
#ifndef TML_PIE_ADD_S8_H
#define TML_PIE_ADD_S8_H

#include "kernels/pie/pairs.h"

typedef struct {
    tml_pie_pairs pairs;
    int32_t shift; /* of the sums: outputs times 256 saturate 16 bits */
    tml_clamp clamp;
} tml_pie_add_params;

/* What the blocks of a layer are made with. */
typedef struct {
    const tml_pie_add_params *params;
    const int16_t *halves;
} tml_pie_add_layer;

/* Outputs times 256 of eight elements of each input, in place of the first. */
#define TML_PIE_ADD_HALF(x, y) \
    "ee.zero.qacc\n\t" \
    "ee.vsmulas.s16.qacc " x ", q4, 0\n\t" \
    "ee.vsmulas.s16.qacc " y ", q4, 1\n\t" \
    "ee.srcmb.s16.qacc q7, %[half], 0\n\t" \
    "ee.vsmulas.s16.qacc " x ", q4, 2\n\t" \
    "ee.vsmulas.s16.qacc " y ", q4, 3\n\t" \
    "ee.vsmulas.s16.qacc q5, q4, 4\n\t" \
    "ee.vsmulas.s16.qacc q6, q4, 5\n\t" \
    "ee.srcmb.s16.qacc " x ", %[shift], 0\n\t"

TML_KERNEL void tml_pie_add_blocks(const void *of, const int8_t *x, const int8_t *y, int8_t *to, int32_t blocks)
{
    const tml_pie_add_layer *layer = (const tml_pie_add_layer *)of;
    const tml_pie_add_params *params = layer->params;
    const int16_t *halves = layer->halves, *ends = halves + 6;
    __asm__ volatile("ee.vld.128.ip q4, %[halves], 0\n\t"
                     "ee.vldbc.16.ip q5, %[ends], 2\n\t"
                     "ee.vldbc.16.ip q6, %[ends], 2"
                     : [halves] "+r"(halves), [ends] "+r"(ends)
                     :
                     : "memory");
    TML_ROLLED
    for (int32_t i = 0; i < blocks; ++i) {
        __asm__ volatile("ee.vld.128.ip q1, %[x], 16\n\t"
                         "ee.vld.128.ip q3, %[y], 16\n\t"
                         "ee.zero.q q0\n\t"
                         "ee.zero.q q2\n\t"
                         "ee.vzip.8 q0, q1\n\t"
                         "ee.vzip.8 q2, q3\n\t" TML_PIE_ADD_HALF("q0", "q2") TML_PIE_ADD_HALF("q1", "q3")
                         "ee.vunzip.8 q0, q1"
                         : [x] "+r"(x), [y] "+r"(y)
                         : [half] "r"(16), [shift] "r"(params->shift)
                         : "memory");
        const int8_t *bounds = (const int8_t *)(halves + 8);
        if (params->clamp.min > INT8_MIN) {
            __asm__ volatile("ee.vldbc.8 q0, %[bound]\n\tee.vmax.s8 q1, q1, q0" : : [bound] "r"(bounds) : "memory");
        }
        if (params->clamp.max < INT8_MAX) {
            __asm__ volatile("ee.vldbc.8 q0, %[bound]\n\tee.vmin.s8 q1, q1, q0" : : [bound] "r"(bounds + 1) : "memory");
        }
        __asm__ volatile("ee.vst.128.ip q1, %[to], 16" : [to] "+r"(to) : : "memory");
    }
}

TML_KERNEL void tml_pie_add_s8(const tml_pie_add_params *params, const int8_t *input1, const int8_t *input2,
                               const int16_t *halves, int8_t *output, int8_t *memory)
{
    const tml_pie_add_layer layer = {params, halves};
    tml_pie_each_pair(&params->pairs, input1, input2, output, memory, tml_pie_add_blocks, &layer);
}

#endif
