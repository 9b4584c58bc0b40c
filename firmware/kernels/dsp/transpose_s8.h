/* TRANSPOSE for Armv7E-M: blocks of 4x4 bytes, of which each word is loaded and stored once.
 *
 *   input, `step` apart    halves              output, `row` apart
 *   a0 a1 a2 a3            a0 a1 c0 c1 = p     a0 b0 c0 d0 = SEL(p, r << 8)
 *   b0 b1 b2 b3     PKH    a2 a3 c2 c3 = q     a1 b1 c1 d1 = SEL(p >> 8, r)
 *   c0 c1 c2 c3    ----->  b0 b1 d0 d1 = r     a2 b2 c2 d2 = SEL(q, s << 8)
 *   d0 d1 d2 d3            b2 b3 d2 d3 = s     a3 b3 c3 d3 = SEL(q >> 8, s)
 *
 * Contract and params as in kernels/slice/s8.h, for runs of one byte of which those of the next index
 * of the last loop but one follow in the input (step[3] is 1). Rows and columns that fill no block are
 * moved byte by byte. The output must not share memory with the input.
 *
 * Cost: 25 instructions per block of 16 bytes, 10 per four rows, 7 per row that does not fill its
 * last block and 5.5 per byte of that.
 */
#ifndef TML_DSP_TRANSPOSE_S8_H
#define TML_DSP_TRANSPOSE_S8_H

#include "kernels/slice/s8.h"

/* `blocks` blocks of four rows of outputs, `row` bytes long. The flags that SEL asks are set for bytes
 * 0 and 2. */
TML_KERNEL void tml_dsp_transpose_blocks(const int8_t *input, int32_t step, int8_t *output,
                                         int32_t row, int32_t blocks)
{
    int32_t a, b, c, d, t = 0x00FF00FF;
    __asm__ volatile("uadd8 %[a], %[t], %[t]\n"
                     "1:\n\t"
                     "ldr %[a], [%[in]]\n\t"
                     "ldr %[b], [%[in], %[step]]\n\t"
                     "add %[in], %[in], %[step], lsl #1\n\t"
                     "ldr %[c], [%[in]]\n\t"
                     "ldr %[d], [%[in], %[step]]\n\t"
                     "add %[in], %[in], %[step], lsl #1\n\t"
                     "pkhbt %[t], %[a], %[c], lsl #16\n\t"
                     "pkhtb %[c], %[c], %[a], asr #16\n\t"
                     "pkhbt %[a], %[b], %[d], lsl #16\n\t"
                     "pkhtb %[d], %[d], %[b], asr #16\n\t"
                     "lsl %[b], %[a], #8\n\t"
                     "sel %[b], %[t], %[b]\n\t"
                     "lsr %[t], %[t], #8\n\t"
                     "sel %[a], %[t], %[a]\n\t"
                     "str %[a], [%[out], %[row]]\n\t"
                     "add %[a], %[out], %[row], lsl #1\n\t"
                     "lsl %[t], %[d], #8\n\t"
                     "sel %[t], %[c], %[t]\n\t"
                     "lsr %[c], %[c], #8\n\t"
                     "sel %[d], %[c], %[d]\n\t"
                     "str %[t], [%[a]]\n\t"
                     "subs %[blocks], #1\n\t"
                     "str %[d], [%[a], %[row]]\n\t"
                     "str %[b], [%[out]], #4\n\t"
                     "bne 1b"
                     : [in] "+&r"(input), [out] "+&r"(output), [blocks] "+&r"(blocks),
                       [t] "+&r"(t), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d)
                     : [step] "r"(step), [row] "r"(row)
                     : "cc", "memory");
}

/* `rows` rows of outputs, from column `first` on. */
TML_KERNEL void tml_dsp_transpose_bytes(const tml_slice_params *params, const int8_t *input,
                                        int8_t *output, int32_t rows, int32_t first)
{
    const int32_t columns = params->count[4], step = params->step[4];
    TML_ROLLED
    for (int32_t row = 0; row < rows; ++row) {
        const int8_t *from = input + row + first * step;
        int8_t *to = output + row * columns + first;
        TML_ROLLED
        for (int32_t column = columns - first; column > 0; --column) {
            *to++ = *from;
            from += step;
        }
    }
}

/* One matrix; returns where the output goes on. */
TML_KERNEL int8_t *tml_dsp_transpose_matrix(const tml_slice_params *params, const int8_t *input,
                                            int8_t *output)
{
    const int32_t rows = params->count[3], columns = params->count[4];
    TML_ROLLED
    for (int32_t left = rows >> 2; left > 0; --left) {
        tml_dsp_transpose_blocks(input, params->step[4], output, columns, columns >> 2);
        tml_dsp_transpose_bytes(params, input, output, 4, columns & ~3);
        input += 4;
        output += 4 * columns;
    }
    tml_dsp_transpose_bytes(params, input, output, rows & 3, 0);
    return output + (rows & 3) * columns;
}

TML_KERNEL void tml_dsp_transpose_s8(const tml_slice_params *params, const int8_t *input,
                                     int8_t *output)
{
    const int32_t *const count = params->count;
    const int32_t *const step = params->step;
    for (int32_t i0 = 0; i0 < count[0]; ++i0) {
        for (int32_t i1 = 0; i1 < count[1]; ++i1) {
            for (int32_t i2 = 0; i2 < count[2]; ++i2) {
                const int32_t outer = i0 * step[0] + i1 * step[1] + i2 * step[2];
                output = tml_dsp_transpose_matrix(params, input + params->start + outer, output);
            }
        }
    }
}

#endif
