/* mul_s8.h: MUL of int8 elements, for the ESP32-S3's vector unit, sixteen at a time.
 *
 *   QACC   x * y + x * (-zero point 2) + y * (-zero point 1)      16 lanes of 20 bits, 2^17 at most
 *   q0 x,  q1 y,  q2 and q3 the negative zero points, each in two parts where one is 128
 *
 * The product of both zero points is part of the offsets with which lanes.h makes outputs of sums; all lanes have
 * the same constants. `rows` rows of `count` elements; an input whose step is 0 is the same row each time (a scale
 * per channel). What does not begin at a multiple of 16, and the rest of a row, goes through memory. Sixteen
 * elements are read before their outputs are written, which may be those of an input of as many elements, in place.
 * Scratch: 112 bytes, 16-byte aligned.
 * Instructions per 16 elements: 25, and those of lanes.h; 60 more through memory.
 */
#ifndef TML_PIE_MUL_S8_H
#define TML_PIE_MUL_S8_H

#include "kernels/pie/copy.h"
#include "kernels/pie/rescale.h"

typedef struct {
    int32_t rows;
    int32_t count; /* elements of a row */
    int32_t step1; /* bytes from row to row: count, or 0 */
    int32_t step2;
    bool is_far;   /* a zero point is -128 */
    tml_pie_rescale rescale;
} tml_pie_mul_params;

/* Outputs of 16 elements; all three begin at multiples of 16. */
TML_KERNEL void tml_pie_mul_16(const tml_pie_mul_params *params, const int8_t *x, const int8_t *y,
                               const int8_t *offsets, const int32_t *scales, int8_t *sums, int8_t *output)
{
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
    if (params->is_far) {
        __asm__ volatile("ee.vldbc.8.ip q2, %[offsets], 1\n\t"
                         "ee.vldbc.8.ip q3, %[offsets], 1\n\t"
                         "ee.vmulas.s8.qacc q0, q2\n\t"
                         "ee.vmulas.s8.qacc q1, q3"
                         : [offsets] "+r"(offsets)
                         :
                         : "memory");
    }
    const tml_pie_words_of words = {scales, scales + TML_PIE_MASKS};
    tml_pie_finish(&params->rescale, TML_PIE_LANES, false, &words, sums, output);
}

TML_KERNEL void tml_pie_mul_s8(const tml_pie_mul_params *params, const int8_t *input1, const int8_t *input2,
                               const int8_t *offsets, const int32_t *scales, int8_t *output, int8_t *memory)
{
    int8_t *const x = memory + TML_PIE_SUMS_BYTES, *const y = x + TML_PIE_LINE, *const made = y + TML_PIE_LINE;
    TML_ROLLED
    for (int32_t row = 0; row < params->rows; ++row) {
        TML_ROLLED
        for (int32_t at = 0; at < params->count; at += TML_PIE_LINE) {
            const int8_t *from1 = input1 + at, *from2 = input2 + at;
            const int32_t left = params->count - at;
            if (left >= TML_PIE_LINE
                && (((uintptr_t)from1 | (uintptr_t)from2 | (uintptr_t)output) & (TML_PIE_LINE - 1)) == 0) {
                tml_pie_mul_16(params, from1, from2, offsets, scales, memory, output);
                output += TML_PIE_LINE;
            } else {
                const int32_t count = left < TML_PIE_LINE ? left : TML_PIE_LINE;
                tml_pie_copy_bytes(x, from1, count);
                tml_pie_copy_bytes(y, from2, count);
                tml_pie_mul_16(params, x, y, offsets, scales, memory, made);
                tml_pie_copy_bytes(output, made, count);
                output += count;
            }
        }
        input1 += params->step1;
        input2 += params->step2;
    }
}

#endif
