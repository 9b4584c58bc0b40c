/* LOGISTIC and TANH of int16 values; int8 values have tables.
 *
 *   argument = (input * multiplier + 2^(right - 1)) >> right
 *   output   = the function of argument, interpolated in the table of sigmoid as LSTM kernels do
 *
 * LOGISTIC's arguments have 9 bits between two entries, TANH's 8. 0 <= multiplier < 2^15, right <= 31.
 * The output may be the input, in place. Source of the arithmetic: TensorFlow Lite,
 * reference_integer_ops::Logistic and ::Tanh for int16.
 */
#ifndef TML_LOGISTIC_S16_H
#define TML_LOGISTIC_S16_H

#include "kernels/unidirectional_sequence_lstm/cell.h"

typedef struct {
    int32_t count;
    int32_t multiplier;
    int32_t right;
} tml_logistic_params;

TML_KERNEL int32_t tml_logistic_argument(const tml_logistic_params *params, int16_t value)
{
    const int32_t half = (int32_t)((UINT32_C(1) << params->right) >> 1);
    return (value * params->multiplier + half) >> params->right;
}

TML_KERNEL void tml_logistic_s16(const tml_logistic_params *params, const int16_t *input,
                                 const int16_t *table, int16_t *output)
{
    TML_ROLLED
    for (int32_t i = 0; i < params->count; ++i) {
        const int32_t x3 = tml_logistic_argument(params, input[i]);
        const int32_t sign = x3 >> 31;
        const uint32_t at = (uint32_t)((x3 ^ sign) - sign);
        /* Beyond the table it is one below what TANH has there. */
        const int32_t found = at >= 255u << 9 ? 32766 * 512 : tml_lstm_between(table, at, 9);
        output[i] = (int16_t)(((found ^ sign) + (1 << 24) + (1 << 9)) >> 10);
    }
}

TML_KERNEL void tml_tanh_s16(const tml_logistic_params *params, const int16_t *input,
                             const int16_t *table, int16_t *output)
{
    TML_ROLLED
    for (int32_t i = 0; i < params->count; ++i) {
        output[i] = (int16_t)tml_lstm_tanh(table, tml_logistic_argument(params, input[i]));
    }
}

#endif
