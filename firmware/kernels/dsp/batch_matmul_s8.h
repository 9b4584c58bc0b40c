/* BATCH_MATMUL, int8: a row of the left matrix times four columns of the right one at a time.
 *
 *   output[row][column] = requantise(sum over k of (left + left_offset) * (right + right_offset))
 *
 *   right matrix         stream in scratch, per four columns             row_block.h
 *   k0  A B C D . .      biases of A, B, C, D                        left row, widened once,
 *   k1  A B C D . .  ->  (k0,k2) of A, B, C, D, (k1,k3) of A ...  -> times all of the stream
 *   k2  A B C D . .
 *
 * A right matrix becomes what the weights of a FULLY_CONNECTED layer are from the start: a stream of
 * int16 pairs, right_offset added. left_offset times the sum of a column is its bias. Then the rows
 * of the left matrix go through that layer's kernel, whose factors are those of all outputs.
 *
 * Layouts: rows of the left matrices are contiguous; columns of the right ones lie as params.h says.
 * Scratch: the stream (2 bytes per element, 16 per four columns, columns and k filled up to 4 and 8),
 * then a widened row.
 * Cost per matrix: 25 instructions per column and 4.5 per element of the right one, then per row 75, 6
 * per four inputs, and per four columns 42, 21 per 8 products and 3 per 32.
 */
#ifndef TML_DSP_BATCH_MATMUL_S8_H
#define TML_DSP_BATCH_MATMUL_S8_H

#include "fully_connected_s8.h"
#include "kernels/batch_matmul/params.h"

typedef struct {
    tml_batch_matmul_params matmul;
    tml_dsp_fully_connected_params product; /* a left matrix times the stream of a right one */
    int32_t constants[3];                   /* M C n of gemm_block.h's rounding epilogue */
} tml_dsp_batch_matmul_params;

/* One column as halfwords in every fourth word; returns the sum of its elements. */
TML_KERNEL int32_t tml_dsp_matmul_column(const tml_batch_matmul_params *params,
                                         const int8_t *column, int16_t *to, int16_t *end)
{
    const int32_t offset = params->right.offset, step = params->right.step[1];
    int32_t sum = 0;
    TML_ROLLED
    for (int32_t k = params->depth >> 2; k > 0; --k) {
        const int32_t first = column[0] + offset, second = column[step] + offset;
        const int32_t third = column[2 * step] + offset, fourth = column[3 * step] + offset;
        to[0] = (int16_t)first;
        to[1] = (int16_t)third;
        to[8] = (int16_t)second;
        to[9] = (int16_t)fourth;
        sum += first + second + third + fourth;
        column += 4 * step;
        to += 16;
    }
    for (int32_t i = 0; i < (params->depth & 3); ++i) {
        const int32_t value = *column + offset;
        to[8 * (i >> 1) + (i & 1)] = (int16_t)value;
        sum += value;
        column += step;
    }
    if ((params->depth & 3) != 0) {
        for (int32_t i = params->depth & 3; i < 4; ++i) {
            to[8 * (i >> 1) + (i & 1)] = 0;
        }
        to += 16;
    }
    if (to < end) {
        to[0] = to[1] = to[8] = to[9] = 0;
    }
    return sum;
}

/* The stream of one right matrix. */
TML_KERNEL void tml_dsp_matmul_stream(const tml_dsp_batch_matmul_params *params,
                                      const int8_t *right, int32_t *stream)
{
    const tml_batch_matmul_params *matmul = &params->matmul;
    const tml_dsp_gemm_params *gemm = &params->product.gemm;
    TML_ROLLED
    for (int32_t column = 0; column < matmul->columns; ++column) {
        const int32_t lane = column & 3;
        int16_t *const to = (int16_t *)(stream + 4 + lane);
        int16_t *const end = to + 8 * gemm->loops;
        stream[lane] = matmul->left.offset * tml_dsp_matmul_column(matmul, right, to, end);
        right += matmul->right.step[0];
        if (lane == 3) {
            stream += gemm->group_words;
        }
    }
}

TML_KERNEL void tml_dsp_batch_matmul_s8(const tml_dsp_batch_matmul_params *params,
                                        const int8_t *left, const int8_t *right, int8_t *output,
                                        int32_t *scratch)
{
    const tml_batch_matmul_params *matmul = &params->matmul;
    const int32_t *const l = matmul->left.batch, *const r = matmul->right.batch;
    int32_t *const stream = scratch + params->product.gemm.loops;
    memcpy(stream, params->constants, sizeof params->constants);
    for (int32_t i0 = 0; i0 < matmul->count[0]; ++i0) {
        for (int32_t i1 = 0; i1 < matmul->count[1]; ++i1) {
            for (int32_t i2 = 0; i2 < matmul->count[2]; ++i2) {
                tml_dsp_matmul_stream(params, right + i0 * r[0] + i1 * r[1] + i2 * r[2],
                                      stream + params->product.uniform_words);
                tml_dsp_fully_connected_run(&params->product,
                                            left + i0 * l[0] + i1 * l[1] + i2 * l[2], stream,
                                            output, scratch, tml_dsp_row_uniform_wide_rounding,
                                            NULL);
                output += matmul->rows * matmul->columns;
            }
        }
    }
}

#endif
