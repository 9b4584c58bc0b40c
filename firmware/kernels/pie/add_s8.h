/* add_s8.h: ADD and SUB of equally many int8 elements, for the ESP32-S3's vector unit.
 *
 *   output = clamp((offset + input1 * factor1 + input2 * factor2) >> shift) to int8
 *
 *   q0, q1   input1, each byte times 256 in 16 bits          q4   halves of the factors and of the offset
 *   q2, q3   input2                                          q5   -2^15 in each lane,   q6   1 in each lane
 *
 * The linear form that tinyml/variants/dsp_elementwise.py finds and checks over all 65,536 pairs of inputs.
 * Factors are of 23 bits, products of 16: those of the lower halves are made first and carried. Sixteen elements
 * at a time where all three tensors begin at multiples of 16; what is left, and else all, in plain C.
 * The output may be one of the inputs, in place.
 * Instructions: 30 per 16 elements; 16 for each that is left.
 */
#ifndef TML_PIE_ADD_S8_H
#define TML_PIE_ADD_S8_H

#include "kernels/portable/add_s8.h"

#define TML_PIE_ADD_AT_ONCE 16

typedef struct {
    tml_portable_add_params plain;
    int32_t shift; /* of the sums: outputs times 256 saturate 16 bits */
} tml_pie_add_params;

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

TML_KERNEL void tml_pie_add_s8(const tml_pie_add_params *params, const int8_t *input1, const int8_t *input2,
                               const int16_t *halves, int8_t *output)
{
    tml_portable_add_params rest = params->plain;
    const uintptr_t at = (uintptr_t)input1 | (uintptr_t)input2 | (uintptr_t)output;
    if ((at & (TML_PIE_ADD_AT_ONCE - 1)) == 0) {
        const int32_t whole = rest.count / TML_PIE_ADD_AT_ONCE;
        const int16_t *ends = halves + 6;
        __asm__ volatile("ee.vld.128.ip q4, %[halves], 0\n\t"
                         "ee.vldbc.16.ip q5, %[ends], 2\n\t"
                         "ee.vldbc.16.ip q6, %[ends], 2"
                         : [halves] "+r"(halves), [ends] "+r"(ends)
                         :
                         : "memory");
        TML_ROLLED
        for (int32_t i = 0; i < whole; ++i) {
            __asm__ volatile("ee.vld.128.ip q1, %[x], 16\n\t"
                             "ee.vld.128.ip q3, %[y], 16\n\t"
                             "ee.zero.q q0\n\t"
                             "ee.zero.q q2\n\t"
                             "ee.vzip.8 q0, q1\n\t"
                             "ee.vzip.8 q2, q3\n\t" TML_PIE_ADD_HALF("q0", "q2") TML_PIE_ADD_HALF("q1", "q3")
                             "ee.vunzip.8 q0, q1\n\t"
                             "ee.vst.128.ip q1, %[to], 16"
                             : [x] "+r"(input1), [y] "+r"(input2), [to] "+r"(output)
                             : [half] "r"(16), [shift] "r"(params->shift)
                             : "memory");
        }
        rest.count -= whole * TML_PIE_ADD_AT_ONCE;
    }
    tml_portable_add_s8(&rest, input1, input2, output);
}

#endif
