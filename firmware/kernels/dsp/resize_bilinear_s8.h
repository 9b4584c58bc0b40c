/* resize_bilinear_s8.h: RESIZE_BILINEAR for Armv7E-M, four channels at a time, where shares are coarse.
 *
 * Doubled, an image has outputs that lie at quarters between its inputs: the shares of both axes are
 * multiples of 1/4, of the pixel 1/16. With values as bytes from 0 to 255 a sum of shares times
 * values fits 16 bits, so one ordinary multiplication serves two channels:
 *
 *   word        c0 | c1 | c2 | c3        even = c2 : c0 (16 bits each)      odd = c3 : c1
 *
 *       above   a0 ......... a1          rows are blended once per input column, v = a * near + b * far;
 *                  out                   outputs between two columns are v0 + (v1 - v0) * share,
 *       below   b0 ......... b1          rounded and cut to bytes in pairs
 *
 * Contract as in kernels/resize_bilinear/params.h, besides: at least four channels (the last four
 * overlap those before them when they are no multiple of four); the image is not made narrower; the
 * shares of rows are multiples of 2^-row_bits, those of columns of 2^-column_bits, and 1 <=
 * row_bits + column_bits <= 8. `steps` has a byte per output column: its share in units of
 * 2^-column_bits, plus TML_RESIZE_NEXT where it lies one input column further than the one before (also the first).
 * Outputs are written in the order of rows, four channels of all columns at a time.
 *
 * Instructions: 4 per output, and 4 per input column and channel for each row of outputs.
 */
#ifndef TML_DSP_RESIZE_BILINEAR_S8_H
#define TML_DSP_RESIZE_BILINEAR_S8_H

#include "kernels/dsp/channel_sums.h"
#include "kernels/resize_bilinear/params.h"

#define TML_RESIZE_NEXT 0x80u
#define TML_RESIZE_SIGNS 0x80808080u /* values from -128 become bytes from 0 */

typedef struct {
    int32_t batches;
    tml_between_axis height;
    tml_between_axis width;
    int32_t channels;
    int32_t row_bits;
    int32_t column_bits;
} tml_dsp_resize_bilinear_params;

/* Four channels of a column between two rows. */
typedef struct {
    uint32_t even;
    uint32_t odd;
} tml_resize_four;

TML_KERNEL tml_resize_four tml_resize_four_of(const int8_t *input)
{
    const uint32_t four
        = ((const tml_four_bytes *)(const void *)input)->bytes ^ TML_RESIZE_SIGNS;
    tml_resize_four made;
    __asm__("uxtb16 %0, %1" : "=r"(made.even) : "r"(four));
    __asm__("uxtb16 %0, %1, ror #8" : "=r"(made.odd) : "r"(four));
    return made;
}

/* A column of the image between two rows; `share` of `one` is of the row below. */
TML_KERNEL tml_resize_four tml_resize_column(const int8_t *above, const int8_t *below, uint32_t share,
                                             uint32_t one)
{
    const tml_resize_four near = tml_resize_four_of(above);
    const tml_resize_four far = tml_resize_four_of(below);
    const tml_resize_four made = {near.even * (one - share) + far.even * share,
                                  near.odd * (one - share) + far.odd * share};
    return made;
}

/* Halves away from zero: a sum below that of zeros is rounded by one unit less. */
TML_KERNEL uint32_t tml_resize_rounded(uint32_t sums, uint32_t zeros, uint32_t half, uint32_t less)
{
    uint32_t rounding;
    __asm__("usub16 %0, %1, %2\n\t"
            "sel %0, %3, %4"
            : "=&r"(rounding)
            : "r"(sums), "r"(zeros), "r"(half), "r"(less)
            : "cc");
    return sums + rounding;
}

/* Four channels of a row of outputs; `above` and `below` are those of the first input column. */
TML_KERNEL void tml_resize_columns(const tml_dsp_resize_bilinear_params *params, const uint8_t *steps,
                                   const int8_t *above, const int8_t *below, uint32_t row_share,
                                   int8_t *output)
{
    const int32_t channels = params->channels;
    const int32_t bits = params->row_bits + params->column_bits;
    const uint32_t row_one = 1u << params->row_bits;
    const uint32_t zeros = 0x00800080u << bits;
    const uint32_t half = 0x00010001u << (bits - 1);
    const uint32_t less = half - 0x00010001u;
    const int8_t *const last = above + (params->width.in - 1) * channels;
    tml_resize_four far = tml_resize_column(above, below, row_share, row_one);
    /* Between two columns: base + slope * share. Borrows between the halves cancel out. */
    tml_resize_four base = {0, 0}, slope = {0, 0};

    TML_ROLLED
    for (int32_t out_x = params->width.out; out_x > 0; --out_x) {
        const uint32_t step = *steps++;
        if ((step & TML_RESIZE_NEXT) != 0) {
            const tml_resize_four near = far;
            base.even = near.even << params->column_bits;
            base.odd = near.odd << params->column_bits;
            if (above != last) {
                above += channels;
                below += channels;
                far = tml_resize_column(above, below, row_share, row_one);
            }
            slope.even = far.even - near.even;
            slope.odd = far.odd - near.odd;
        }
        const uint32_t share = step & (TML_RESIZE_NEXT - 1);
        const tml_resize_four sums
            = {base.even + slope.even * share, base.odd + slope.odd * share};
        const uint32_t even = tml_resize_rounded(sums.even, zeros, half, less) >> bits;
        const uint32_t odd = tml_resize_rounded(sums.odd, zeros, half, less) << (8 - bits);
        ((tml_four_bytes *)(void *)output)->bytes
            = ((even & 0x00FF00FFu) | (odd & 0xFF00FF00u)) ^ TML_RESIZE_SIGNS;
        output += channels;
    }
}

TML_KERNEL void tml_dsp_resize_bilinear_s8(const tml_dsp_resize_bilinear_params *params,
                                           const int8_t *input, const uint8_t *steps, int8_t *output)
{
    const int32_t channels = params->channels;
    const int32_t row = params->width.in * channels;

    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t out_y = 0; out_y < params->height.out; ++out_y) {
            const tml_between y = tml_between_of(&params->height, out_y);
            const uint32_t share = (uint32_t)y.share >> (10 - params->row_bits);
            TML_ROLLED
            for (int32_t c = 0; c < channels; c += 4) {
                const int32_t first = c + 4 <= channels ? c : channels - 4;
                tml_resize_columns(params, steps, input + y.near * row + first,
                                   input + y.far * row + first, share, output + first);
            }
            output += params->width.out * channels;
        }
        input += params->height.in * row;
    }
}

#endif
