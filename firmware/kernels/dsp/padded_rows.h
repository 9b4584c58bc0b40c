/* A band of padded input rows, for kernels that look at a window of the image.
 *
 *        left   a row of the input       right        Some rows of the input stand in scratch with
 *      +------+--------------------+------+           padding around them, so that a window is
 *      | zp   | x x x x x x x x x  | zp   |  row r    never cut off. The band moves down the image:
 *      | zp   | x x x x x x x x x  | zp   |  row r+1  rows that are needed again move to its top,
 *      +------+--------------------+------+           the others are read from the input, once.
 *
 * As every input row is read before the outputs of its first window are written, the output may
 * chase the input closely. Padding left and right is written once and stays.
 * Cost: 12 instructions per 16 bytes of a row, 25 per row.
 */
#ifndef TML_DSP_PADDED_ROWS_H
#define TML_DSP_PADDED_ROWS_H

#include "tml.h"

/* Copies downwards in memory or between different places; neither needs to be aligned. */
TML_KERNEL void tml_dsp_copy(int8_t *to, const int8_t *from, int32_t bytes)
{
    int32_t blocks = bytes >> 4;
    if (blocks > 0) {
        __asm__ volatile("1:\n\t"
                         "ldr r4, [%1], #4\n\t"
                         "ldr r5, [%1], #4\n\t"
                         "ldr r6, [%1], #4\n\t"
                         "ldr r8, [%1], #4\n\t"
                         "str r4, [%0], #4\n\t"
                         "str r5, [%0], #4\n\t"
                         "str r6, [%0], #4\n\t"
                         "subs %2, #1\n\t"
                         "str r8, [%0], #4\n\t"
                         "bne 1b"
                         : "+r"(to), "+r"(from), "+r"(blocks)
                         :
                         : "r4", "r5", "r6", "r8", "cc", "memory");
    }
    int32_t rest = bytes & 15;
    if (rest > 0) {
        __asm__ volatile("1:\n\t"
                         "ldrb r4, [%1], #1\n\t"
                         "subs %2, #1\n\t"
                         "strb r4, [%0], #1\n\t"
                         "bne 1b"
                         : "+r"(to), "+r"(from), "+r"(rest)
                         :
                         : "r4", "cc", "memory");
    }
}

/* Fills whole words. */
TML_KERNEL void tml_dsp_fill(int8_t *to, int32_t bytes, int32_t value)
{
    int32_t *word = (int32_t *)(void *)to;
    const int32_t words = (int32_t)((uint32_t)(value & 0xff) * UINT32_C(0x01010101));
    TML_ROLLED
    for (int32_t i = 0; i < bytes >> 2; ++i) {
        word[i] = words;
    }
}

typedef struct {
    int32_t in_rows;
    int32_t in_row_bytes;
    int32_t pad_rows;      /* above the input */
    int32_t pad_bytes;     /* to the left of a row */
    int32_t padding_value;
    int32_t out_rows;      /* of the whole output */
    int32_t at_once;       /* rows of outputs per position of the band; all without a band */
    int32_t rows;          /* in the band; 0: windows lie in the input, which needs no padding */
    int32_t step;          /* input rows by which the band moves */
    int32_t pitch;         /* bytes from row to row; a multiple of 4 in a band */
} tml_dsp_band_params;

/* Brings the rows in that the windows of output rows `out_row` .. out_row + at_once - 1 need, when
 * the band served the rows before; returns where the first window starts. */
TML_KERNEL const int8_t *tml_dsp_band_at(const tml_dsp_band_params *params, int32_t out_row,
                                         const int8_t *input, int8_t *band)
{
    if (params->rows == 0) {
        return input;
    }
    const int32_t pitch = params->pitch;
    int32_t from = params->rows - params->step;
    int32_t row = out_row / params->at_once * params->step - params->pad_rows;
    if (out_row == 0) {
        from = 0;
        tml_dsp_fill(band, params->rows * pitch, params->padding_value);
    } else if (from > 0) {
        tml_dsp_copy(band, band + params->step * pitch, from * pitch);
    } else {
        from = 0;
    }
    const int32_t room = pitch - params->pad_bytes;
    const int32_t bytes = params->in_row_bytes < room ? params->in_row_bytes : room;
    TML_ROLLED
    for (; from < params->rows; ++from) {
        int8_t *to = band + from * pitch;
        if (row + from >= 0 && row + from < params->in_rows) {
            tml_dsp_copy(to + params->pad_bytes, input + (row + from) * params->in_row_bytes,
                         bytes);
        } else {
            tml_dsp_fill(to, pitch, params->padding_value);
        }
    }
    return band;
}

#endif
