/* pairs.h: two int8 tensors element by element, sixteen at a time, for the ESP32-S3's vector unit.
 *
 *   row of input1   | 16 | 16 | 16 | rest |      `rows` rows of `count` elements; an input whose step is 0 is the
 *   row of input2   | 16 | 16 | 16 | rest |      same row each time (one value per channel)
 *
 * Blocks of 16 are made where they are when all three rows begin at a multiple of 16; others, and the rest of a row,
 * go through memory. A block is read before its outputs are written, which may be those of an input of as many
 * elements, in place. Memory: 48 bytes, 16-byte aligned.
 * Instructions: 15 per row; those of a block; 60 more for one that goes through memory.
 */
#ifndef TML_PIE_PAIRS_H
#define TML_PIE_PAIRS_H

#include "kernels/pie/copy.h"

typedef struct {
    int32_t rows;
    int32_t count; /* elements of a row */
    int32_t step1; /* bytes from row to row: count, or 0 */
    int32_t step2;
} tml_pie_pairs;

/* Makes `blocks` blocks of 16 outputs; all addresses are multiples of 16. `layer` is the kernel's own. */
typedef void (*tml_pie_make_blocks)(const void *layer, const int8_t *x, const int8_t *y, int8_t *to,
                                    int32_t blocks);

TML_KERNEL void tml_pie_each_pair(const tml_pie_pairs *pairs, const int8_t *input1, const int8_t *input2,
                                  int8_t *output, int8_t *memory, tml_pie_make_blocks make, const void *layer)
{
    int8_t *const x = memory, *const y = x + TML_PIE_LINE, *const made = y + TML_PIE_LINE;
    TML_ROLLED
    for (int32_t row = 0; row < pairs->rows; ++row) {
        const uintptr_t at = (uintptr_t)input1 | (uintptr_t)input2 | (uintptr_t)output;
        const int32_t blocks = (at & (TML_PIE_LINE - 1)) == 0 ? pairs->count / TML_PIE_LINE : 0;
        if (blocks > 0) {
            make(layer, input1, input2, output, blocks);
        }
        TML_ROLLED
        for (int32_t from = blocks * TML_PIE_LINE; from < pairs->count; from += TML_PIE_LINE) {
            const int32_t left = pairs->count - from;
            const int32_t count = left < TML_PIE_LINE ? left : TML_PIE_LINE;
            tml_pie_copy_bytes(x, input1 + from, count);
            tml_pie_copy_bytes(y, input2 + from, count);
            make(layer, x, y, made, 1);
            tml_pie_copy_bytes(output + from, made, count);
        }
        input1 += pairs->step1;
        input2 += pairs->step2;
        output += pairs->count;
    }
}

#endif
