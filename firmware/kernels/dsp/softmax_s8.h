/* softmax_s8.h: SOFTMAX for Armv7E-M: the plain kernel's values with fewer steps per element.
 *
 *   maximum   four bytes at a time: SSUB8 compares, SEL picks
 *   sum       of (power + 2^11) >> 12                         the rounding shift in two instructions
 *   outputs   (power * scale + K) >> (31 + shift)             SMLAL and a shift of the upper half
 *
 * The reference rounds the product to Q0 and then shifts it with rounding. A floor of a floor is one
 * floor, so with K = 2^30 + 2^(30 + shift) both are one shift of the 64-bit product. shift >= 23, so
 * the upper half holds all that is left.
 *
 * Contract, table and params as in kernels/softmax/s8.h; in place.
 * Instructions: 80 per row; 2 per element up to a whole word, 6 and 12 per element.
 */
#ifndef TML_DSP_SOFTMAX_S8_H
#define TML_DSP_SOFTMAX_S8_H

#include "kernels/dsp/max_pool_2d_s8.h"
#include "kernels/softmax/s8.h"

TML_KERNEL int32_t tml_dsp_greatest(const int8_t *input, int32_t count)
{
    uint32_t four = 0x80808080u;
    int32_t max = INT8_MIN;
    TML_ROLLED
    for (; count >= 4; count -= 4) {
        four = tml_max_of_bytes(four, ((const tml_four_bytes *)(const void *)input)->bytes);
        input += 4;
    }
    four = tml_max_of_bytes(four, four >> 16 | four << 16);
    four = tml_max_of_bytes(four, four >> 8 | four << 24);
    max = (int8_t)(four & 0xFFu);
    TML_ROLLED
    for (; count > 0; --count) {
        const int32_t value = *input++;
        max = value > max ? value : max;
    }
    return max;
}

TML_KERNEL void tml_dsp_softmax_s8(const tml_softmax_params *params, const int8_t *input,
                                   const int32_t *exp, int8_t *output)
{
    const bool is_whole = params->exp_count > 255; /* the table covers every distance */
    TML_ROLLED
    for (int32_t row = params->rows; row > 0; --row) {
        const int8_t *const end = input + params->depth;
        const int32_t max = tml_dsp_greatest(input, params->depth);

        uint32_t sum = 0;
        const int8_t *at = input;
        TML_ROLLED
        do {
            const int32_t distance = max - *at++;
            if (is_whole || distance < params->exp_count) {
                sum += ((uint32_t)exp[distance] + (1u << 11)) >> 12;
            }
        } while (at != end);

        const int32_t left = __builtin_clz((unsigned int)sum);
        const int32_t fraction = (int32_t)((sum << left) - UINT32_C(0x80000000));
        const int32_t scale = tml_softmax_one_over_one_plus(fraction);
        const int32_t shift = 12 - left + 31 - 8;
        /* Beyond 31, where the reference gives up, the lowest output is right. */
        const int32_t limit = shift <= 31 ? params->exp_count : 0;
        const int32_t right = shift <= 31 ? shift - 1 : 0;
        const int64_t nudge = (INT64_C(1) << (31 + right)) + (INT64_C(1) << 30);

        TML_ROLLED
        do {
            const int32_t distance = max - *input++;
            uint32_t units = 0;
            if (distance < limit) {
                const int64_t total = (int64_t)exp[distance] * scale + nudge;
                units = (uint32_t)(total >> 32) >> right;
            }
            *output++ = (int8_t)(units > 255u ? 127 : (int32_t)units - 128);
        } while (input != end);
    }
}

#endif
