/* BATCH_MATMUL, int8: products of matrices that are both computed at run time.
 *
 *   output[b][row][column] = requantise(sum over k of (left[row][k] + left_offset)
 *                                                     * (right[k][column] + right_offset))
 *
 * Matrices may lie transposed: step[0] is from one row (of the right one: column) to the next, step[1]
 * from one k to the next. count[0..2] are batches; a matrix that serves several has steps of 0 there.
 * The output is written from front to back and must not share memory with either matrix.
 */
#ifndef TML_BATCH_MATMUL_S8_H
#define TML_BATCH_MATMUL_S8_H

#include "tml_fixedpoint.h"

typedef struct {
    int32_t offset;   /* less the zero point */
    int32_t batch[3]; /* bytes from one batch to the next */
    int32_t step[2];
} tml_matmul_side;

typedef struct {
    int32_t count[3];
    int32_t rows;
    int32_t columns;
    int32_t depth;
    tml_matmul_side left;
    tml_matmul_side right;
    tml_requant requant;
    int32_t output_offset;
} tml_batch_matmul_params;

/* One matrix times one other; returns where the output goes on. */
TML_KERNEL int8_t *tml_matmul(const tml_batch_matmul_params *params, const int8_t *left,
                              const int8_t *right, int8_t *output)
{
    for (int32_t row = 0; row < params->rows; ++row) {
        for (int32_t column = 0; column < params->columns; ++column) {
            const int8_t *a = left + row * params->left.step[0];
            const int8_t *b = right + column * params->right.step[0];
            int32_t sum = 0;
            for (int32_t k = 0; k < params->depth; ++k) {
                sum += (*a + params->left.offset) * (*b + params->right.offset);
                a += params->left.step[1];
                b += params->right.step[1];
            }
            const int32_t made =
                tml_requantise(sum, params->requant.multiplier, params->requant.shift);
            *output++ = (int8_t)tml_clamp_to(made + params->output_offset, INT8_MIN, INT8_MAX);
        }
    }
    return output;
}

TML_KERNEL void tml_batch_matmul_s8(const tml_batch_matmul_params *params, const int8_t *left,
                                    const int8_t *right, int8_t *output)
{
    const int32_t *const l = params->left.batch;
    const int32_t *const r = params->right.batch;
    for (int32_t i0 = 0; i0 < params->count[0]; ++i0) {
        for (int32_t i1 = 0; i1 < params->count[1]; ++i1) {
            for (int32_t i2 = 0; i2 < params->count[2]; ++i2) {
                output = tml_matmul(params, left + i0 * l[0] + i1 * l[1] + i2 * l[2],
                                    right + i0 * r[0] + i1 * r[1] + i2 * r[2], output);
            }
        }
    }
}

#endif
