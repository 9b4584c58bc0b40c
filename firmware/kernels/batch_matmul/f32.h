/* BATCH_MATMUL of float matrices: products that are both computed at run time.
 *
 *   output[b][row][column] = sum over k of left[row][k] * right[k][column], from the first k to the last
 *
 * params.h says how batches and steps are counted; offsets are not used. The output must not share
 * memory with either matrix. Source: TensorFlow Lite, reference_ops::BatchMatMul.
 */
#ifndef TML_BATCH_MATMUL_F32_H
#define TML_BATCH_MATMUL_F32_H

#include "kernels/batch_matmul/params.h"
#include "kernels/types/f32.h"

typedef struct {
    int32_t count[3];
    int32_t rows;
    int32_t columns;
    int32_t depth;
    tml_matmul_side left;
    tml_matmul_side right;
} tml_batch_matmul_params_f32;

/* One matrix times one other; returns where the output goes on. */
TML_KERNEL float *tml_batch_matmul_product_f32(const tml_batch_matmul_params_f32 *params,
                                               const float *left, const float *right, float *output)
{
    for (int32_t row = 0; row < params->rows; ++row) {
        for (int32_t column = 0; column < params->columns; ++column) {
            const float *a = left + row * params->left.step[0];
            const float *b = right + column * params->right.step[0];
            float sum = 0.0f;
            TML_ROLLED
            for (int32_t k = 0; k < params->depth; ++k) {
                sum += *a * *b;
                a += params->left.step[1];
                b += params->right.step[1];
            }
            *output++ = sum;
        }
    }
    return output;
}

TML_KERNEL void tml_batch_matmul_f32(const tml_batch_matmul_params_f32 *params, const float *left,
                                     const float *right, float *output)
{
    const int32_t *const l = params->left.batch;
    const int32_t *const r = params->right.batch;
    for (int32_t i0 = 0; i0 < params->count[0]; ++i0) {
        for (int32_t i1 = 0; i1 < params->count[1]; ++i1) {
            for (int32_t i2 = 0; i2 < params->count[2]; ++i2) {
                output = tml_batch_matmul_product_f32(
                    params, left + i0 * l[0] + i1 * l[1] + i2 * l[2],
                    right + i0 * r[0] + i1 * r[1] + i2 * r[2], output);
            }
        }
    }
}

#endif
