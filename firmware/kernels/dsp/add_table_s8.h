/* add_table_s8.h: ADD and SUB of equally many int8 elements, for Armv7E-M: one operand by a table.
 *
 *   output = ssat8((table[input2 + 128] + input1 * factor) >> shift)
 *
 * For operands and scales for which no linear form (add_s8.h) is exact: where many sums lie halfway
 * between outputs, how the second operand was rounded decides. The compiler seeks a factor and a word
 * for each value of it, and checks all 65,536 pairs of inputs (tinyml/variants/dsp_add_table.py).
 * Every sum fits 32 bits.
 *
 * The output may be one of the inputs, in place. Inputs and output need no alignment.
 * Instructions: 6.5 per element (7.5 when the shift is not a constant).
 */
#ifndef TML_DSP_ADD_TABLE_S8_H
#define TML_DSP_ADD_TABLE_S8_H

#include "add_s8.h"

typedef struct {
    int32_t count;
    int32_t factor;
    int32_t shift;
} tml_dsp_add_table_params;

/* Two elements; `end` is how a sum becomes an int8. */
#define TML_DSP_ADD_TABLE_TWO(end) \
    "ldrsb %[y0], [%[in2]], #1\n\t" \
    "ldrsb %[y1], [%[in2]], #1\n\t" \
    "ldrsb %[x0], [%[in1]], #1\n\t" \
    "ldr %[y0], [%[table], %[y0], lsl #2]\n\t" \
    "ldr %[y1], [%[table], %[y1], lsl #2]\n\t" \
    "ldrsb %[x1], [%[in1]], #1\n\t" \
    "mla %[x0], %[x0], %[factor], %[y0]\n\t" \
    "mla %[x1], %[x1], %[factor], %[y1]\n\t" end("x0") end("x1") \
    "strb %[x0], [%[out]], #1\n\t" \
    "strb %[x1], [%[out]], #1\n\t"
#define TML_DSP_ADD_TABLE_FOURS(end_of_sum, shift_operand) \
    __asm__ volatile("1:\n\t" TML_DSP_ADD_TABLE_TWO(end_of_sum) TML_DSP_ADD_TABLE_TWO(end_of_sum) \
                     "cmp %[out], %[end]\n\t" \
                     "bne 1b" \
                     : [in1] "+&r"(input1), [in2] "+&r"(input2), [out] "+&r"(output), \
                       [x0] "=&r"(x0), [x1] "=&r"(x1), [y0] "=&r"(y0), [y1] "=&r"(y1) \
                     : [end] "r"(end), [factor] "r"(params->factor), [table] "r"(middle), \
                       [shift] shift_operand \
                     : "cc", "memory")

TML_KERNEL void tml_dsp_add_table_s8(const tml_dsp_add_table_params *params, const int8_t *input1,
                                     const int8_t *input2, const int32_t *table, int8_t *output)
{
    int8_t *const end = output + (params->count & ~3);
    const int32_t *const middle = table + 128;
    int32_t x0, x1, y0, y1;
    if (output != end) {
        if (__builtin_constant_p(params->shift)) {
            TML_DSP_ADD_TABLE_FOURS(TML_DSP_ADD_END, "I"(params->shift));
        } else {
            TML_DSP_ADD_TABLE_FOURS(TML_DSP_ADD_END_ANY, "r"(params->shift));
        }
    }
    TML_ROLLED
    for (int32_t i = params->count & 3; i > 0; --i) {
        const int32_t sum = (middle[*input2++] + *input1++ * params->factor) >> params->shift;
        *output++ = (int8_t)(sum < INT8_MIN ? INT8_MIN : sum > INT8_MAX ? INT8_MAX : sum);
    }
}

#endif
