/* mul_s8.h: MUL of int8 elements for Armv7E-M, four at a time (SXTAB16, SMULBB, SMMLA).
 *
 *   word of input 1   a0 | a1 | a2 | a3       SXTAB16 widens two bytes to int16 and adds the offset
 *                      |    |    |    |       in the same instruction: (a0, a2), then (a1, a3).
 *   word of input 2   b0 | b1 | b2 | b3       SMULBB and SMULTT multiply the halves in place.
 *
 *   linear     q = ssat8((C + ((product + delta) * M >> 32)) >> n)      SMLAxy, SMMLA, SSAT
 *   rounding   q = ssat8(smmlar(2 * product, M, C + (product >> 31)) >> n)
 *
 * tinyml/ir/requant.py has the proofs of both; the compiler takes the first where it is exact.
 * `rows` rows of `count` elements; an input whose step is 0 is the same row each time (a scale per
 * channel). The output may be an input of as many elements, in place. Nothing needs alignment.
 *
 * Instructions per four elements: 27 (linear), 37 (rounding); 12 per element of a row's rest, 12 per
 * row.
 */
#ifndef TML_DSP_MUL_S8_H
#define TML_DSP_MUL_S8_H

#include "kernels/dsp/channel_sums.h"

typedef struct {
    int32_t rows;
    int32_t count;   /* elements of a row */
    int32_t step1;   /* bytes from row to row: count, or 0 */
    int32_t step2;
    int32_t offset1; /* -zero point */
    int32_t offset2;
    int32_t multiplier;
    int32_t offset;  /* C */
    int32_t delta;
    int32_t shift;   /* n */
    bool is_rounding;
} tml_dsp_mul_params;

/* Bytes 0 and 2 (from 0) or 1 and 3 (from 8) as int16, with an offset for both. */
#define TML_DSP_PAIR(pair, offsets, word, from) \
    __asm__("sxtab16 %0, %1, %2, ror #" #from : "=r"(pair) : "r"(offsets), "r"(word))
/* The product of two lower (BB) or upper (TT) halves, plus delta. */
#define TML_DSP_PRODUCT(product, halves, a, b, delta) \
    __asm__("smla" #halves " %0, %1, %2, %3" : "=r"(product) : "r"(a), "r"(b), "r"(delta))

/* From a product (with its delta) to an output. */
TML_KERNEL int8_t tml_dsp_mul_end(const tml_dsp_mul_params *params, int32_t product)
{
    int32_t high;
    if (params->is_rounding) {
        const int32_t offset = params->offset + (product >> 31);
        __asm__("smmlar %0, %1, %2, %3"
                : "=r"(high)
                : "r"(2 * product), "r"(params->multiplier), "r"(offset));
    } else {
        __asm__("smmla %0, %1, %2, %3"
                : "=r"(high)
                : "r"(product), "r"(params->multiplier), "r"(params->offset));
    }
    if (__builtin_constant_p(params->shift)) {
        __asm__("ssat %0, #8, %1, asr %2" : "=r"(high) : "r"(high), "I"(params->shift) : "cc");
    } else {
        __asm__("ssat %0, #8, %1" : "=r"(high) : "r"(high >> params->shift) : "cc");
    }
    return (int8_t)high;
}

TML_KERNEL void tml_dsp_mul_s8(const tml_dsp_mul_params *params, const int8_t *input1,
                               const int8_t *input2, int8_t *output)
{
    const uint32_t offsets1 = (uint32_t)(params->offset1 & 0xFFFF) * 0x00010001u;
    const uint32_t offsets2 = (uint32_t)(params->offset2 & 0xFFFF) * 0x00010001u;
    const int32_t delta = params->delta;

    TML_ROLLED
    for (int32_t row = params->rows; row > 0; --row) {
        int32_t left = params->count;
        TML_ROLLED
        for (; left >= 4; left -= 4) {
            const uint32_t a = ((const tml_four_bytes *)(const void *)input1)->bytes;
            const uint32_t b = ((const tml_four_bytes *)(const void *)input2)->bytes;
            uint32_t even1, odd1, even2, odd2;
            int32_t p0, p1, p2, p3;
            TML_DSP_PAIR(even1, offsets1, a, 0);
            TML_DSP_PAIR(odd1, offsets1, a, 8);
            TML_DSP_PAIR(even2, offsets2, b, 0);
            TML_DSP_PAIR(odd2, offsets2, b, 8);
            TML_DSP_PRODUCT(p0, bb, even1, even2, delta);
            TML_DSP_PRODUCT(p1, bb, odd1, odd2, delta);
            TML_DSP_PRODUCT(p2, tt, even1, even2, delta);
            TML_DSP_PRODUCT(p3, tt, odd1, odd2, delta);
            output[0] = tml_dsp_mul_end(params, p0);
            output[1] = tml_dsp_mul_end(params, p1);
            output[2] = tml_dsp_mul_end(params, p2);
            output[3] = tml_dsp_mul_end(params, p3);
            input1 += 4;
            input2 += 4;
            output += 4;
        }
        TML_ROLLED
        for (; left > 0; --left) {
            const int32_t product = (*input1++ + params->offset1) * (*input2++ + params->offset2);
            *output++ = tml_dsp_mul_end(params, product + delta);
        }
        input1 += params->step1 - params->count;
        input2 += params->step2 - params->count;
    }
}

#endif
