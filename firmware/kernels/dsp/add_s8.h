/* add_s8.h: ADD and SUB of equally many int8 elements, for Armv7E-M (MLA, SSAT).
 *
 *   output = ssat8((offset + input1 * factor1 + input2 * factor2) >> shift)
 *
 * The reference rescales three times per element; it is nearly this one linear form. The compiler
 * seeks integers for which it is exactly this form, and checks all 65,536 pairs of inputs
 * (tinyml/variants/dsp_elementwise.py). Every partial sum fits 32 bits.
 *
 * The output may be one of the inputs, in place. Inputs and output need no alignment.
 * Instructions: 6.5 per element (7.5 when the shift is not a constant).
 */
#ifndef TML_DSP_ADD_S8_H
#define TML_DSP_ADD_S8_H

#include "tml.h"

typedef struct {
    int32_t count;
    int32_t factor1;
    int32_t factor2;
    int32_t offset;
    int32_t shift;
} tml_dsp_add_params;

/* Two elements; `end` is how a sum becomes an int8. */
#define TML_DSP_ADD_TWO(end) \
    "ldrsb %[x0], [%[in1]], #1\n\t" \
    "ldrsb %[x1], [%[in1]], #1\n\t" \
    "ldrsb %[y0], [%[in2]], #1\n\t" \
    "ldrsb %[y1], [%[in2]], #1\n\t" \
    "mla %[x0], %[x0], %[factor1], %[offset]\n\t" \
    "mla %[x1], %[x1], %[factor1], %[offset]\n\t" \
    "mla %[x0], %[y0], %[factor2], %[x0]\n\t" \
    "mla %[x1], %[y1], %[factor2], %[x1]\n\t" end("x0") end("x1") \
    "strb %[x0], [%[out]], #1\n\t" \
    "strb %[x1], [%[out]], #1\n\t"
#define TML_DSP_ADD_END(x) "ssat %[" x "], #8, %[" x "], asr %[shift]\n\t"
#define TML_DSP_ADD_END_ANY(x) \
    "asr %[" x "], %[" x "], %[shift]\n\t" \
    "ssat %[" x "], #8, %[" x "]\n\t"
#define TML_DSP_ADD_FOURS(end_of_sum, shift_operand) \
    __asm__ volatile("1:\n\t" TML_DSP_ADD_TWO(end_of_sum) TML_DSP_ADD_TWO(end_of_sum) \
                     "cmp %[out], %[end]\n\t" \
                     "bne 1b" \
                     : [in1] "+&r"(input1), [in2] "+&r"(input2), [out] "+&r"(output), \
                       [x0] "=&r"(x0), [x1] "=&r"(x1), [y0] "=&r"(y0), [y1] "=&r"(y1) \
                     : [end] "r"(end), [factor1] "r"(params->factor1), \
                       [factor2] "r"(params->factor2), [offset] "r"(params->offset), \
                       [shift] shift_operand \
                     : "cc", "memory")

TML_KERNEL void tml_dsp_add_s8(const tml_dsp_add_params *params, const int8_t *input1,
                               const int8_t *input2, int8_t *output)
{
    int8_t *const end = output + (params->count & ~3);
    int32_t x0, x1, y0, y1;
    if (output != end) {
        if (__builtin_constant_p(params->shift)) {
            TML_DSP_ADD_FOURS(TML_DSP_ADD_END, "I"(params->shift));
        } else {
            TML_DSP_ADD_FOURS(TML_DSP_ADD_END_ANY, "r"(params->shift));
        }
    }
    TML_ROLLED
    for (int32_t i = params->count & 3; i > 0; --i) {
        int32_t sum = params->offset + *input1++ * params->factor1 + *input2++ * params->factor2;
        sum >>= params->shift;
        *output++ = (int8_t)(sum < INT8_MIN ? INT8_MIN : sum > INT8_MAX ? INT8_MAX : sum);
    }
}

#endif
