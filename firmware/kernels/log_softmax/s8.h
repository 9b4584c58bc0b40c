/* LOG_SOFTMAX, int8, over the last dimension: the output is in units of 1/16, 127 stands for 0.
 *
 *   sum    = sum of exp[row maximum - input], Q12
 *   output = clamp(round(16 * (scaled(input - row maximum) - log(sum))) + 127)
 *
 * in gemmlowp's fixed-point arithmetic; scaled() is in Q5.26, and log() is
 * tinyml/ir/fixedmath.py:log_of_sum. `exp` holds exp(-d) in Q12 for d = 0, 1, ... exp_count - 1; depth
 * <= 4095, so the sum fits. The output may be the input, in place.
 * Source of the arithmetic: TensorFlow Lite, reference_ops::LogSoftmaxQuantized.
 */
#ifndef TML_LOG_SOFTMAX_S8_H
#define TML_LOG_SOFTMAX_S8_H

#include "kernels/softmax/s8.h"

typedef struct {
    int32_t rows;
    int32_t depth;
    int32_t exp_count;
    tml_requant input_requant;   /* to Q5.26; shifts left */
    tml_requant reverse_requant; /* from Q5.26 back to steps of the input */
} tml_log_softmax_params;

/* x * 2^bits for x >= 0, saturated. */
TML_KERNEL int32_t tml_log_shift_left(int32_t x, int32_t bits)
{
    return x > (int32_t)(UINT32_C(0x7FFFFFFF) >> bits) ? INT32_MAX : (int32_t)((uint32_t)x << bits);
}

/* log(sum) in Q5.26 of a sum of at least 1 in Q12: two ways to bring it near 1, and the series of the
 * one whose argument is smaller. */
TML_KERNEL int32_t tml_log_of_sum(int32_t sum)
{
    const int32_t root = 1805811301; /* sqrt(sqrt(1/2)) in Q0.31; sqrt(1/2) is 1518500250 */
    const int32_t lead_a = __builtin_clz((unsigned int)sum);
    const int32_t near_a
        = tml_log_shift_left(tml_softmax_mul(tml_log_shift_left(sum, lead_a - 1), 1518500250), 1);
    const int32_t lead_b = __builtin_clz((unsigned int)tml_softmax_mul(sum, 1518500250)) - 1;
    const int32_t near_b = tml_log_shift_left(sum, lead_b);
    const int32_t power_a = (12 - lead_a) * (1 << 25) + (1 << 23);
    const int32_t power_b = (12 - lead_b) * (1 << 25) - (1 << 23);

    const int32_t r = near_a < near_b ? near_a : near_b;
    const int32_t power = power_a > power_b ? power_a : power_b;
    const int32_t p = (int32_t)(((int64_t)r + root + 1) >> 1);
    const int32_t q = 2 * (r - root);
    const int32_t square = tml_softmax_mul(q, q);
    const int32_t above = tml_softmax_mul(q, r)
        + tml_softmax_mul(tml_softmax_mul(q, square), 117049297); /* 11/240 * 2^(1/4) */
    const int32_t below = tml_softmax_mul(p, 1057819769 + q + tml_softmax_mul(127690142, square))
        + tml_softmax_mul(638450708, q);
    const int32_t scaled = tml_rounding_shift_right(above, 6);
    const int32_t log = tml_softmax_mul(power, 1488522236) /* log(2) */
        + tml_softmax_mul(scaled, tml_softmax_one_over_one_plus(below));
    return log * 2;
}

TML_KERNEL void tml_log_softmax_s8(const tml_log_softmax_params *params, const int8_t *input,
                                   const int32_t *exp, int8_t *output)
{
    const tml_requant to_q5 = params->input_requant, back = params->reverse_requant;
    for (int32_t row = 0; row < params->rows; ++row) {
        int32_t max = input[0];
        for (int32_t i = 1; i < params->depth; ++i) {
            max = input[i] > max ? input[i] : max;
        }
        int32_t sum = 0;
        for (int32_t i = 0; i < params->depth; ++i) {
            const int32_t distance = max - input[i];
            sum += distance < params->exp_count ? exp[distance] : 0;
        }
        const int32_t log = tml_log_of_sum(sum);
        const int32_t least = tml_requantise(log + INT32_MIN, back.multiplier, back.shift);
        for (int32_t i = 0; i < params->depth; ++i) {
            const int32_t distance = max - input[i];
            int32_t made = -128;
            if (distance < params->exp_count && -distance > least) {
                const int32_t scaled = tml_requantise(-distance, to_q5.multiplier, to_q5.shift);
                const int32_t wide = (int32_t)((uint32_t)scaled - (uint32_t)log);
                made = tml_clamp_to(tml_rounding_shift_right(wide, 22) + 127, -128, 127);
            }
            output[i] = (int8_t)made;
        }
        input += params->depth;
        output += params->depth;
    }
}

#endif
