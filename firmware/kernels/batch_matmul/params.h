/* BATCH_MATMUL: products of matrices that are both computed at run time.
 *
 *   output[b][row][column] = requantise(sum over k of (left[row][k] + left_offset)
 *                                                     * (right[k][column] + right_offset))
 *
 * Matrices may lie transposed: step[0] is from one row (of the right one: column) to the next, step[1]
 * from one k to the next. count[0..2] are batches; a matrix that serves several has steps of 0 there.
 * Sums of int16 values have 64 bits and are rescaled as tml_requantise_wide says: requant has 15 bits and
 * a shift to the right. The output is written from front to back and must not share memory with either matrix.
 */
#ifndef TML_BATCH_MATMUL_PARAMS_H
#define TML_BATCH_MATMUL_PARAMS_H

#include "tml.h"

typedef struct {
    int32_t offset;   /* less the zero point */
    int32_t batch[3]; /* elements from one batch to the next */
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

#endif
