/* Convolution 3x3 with stride 1, int8, by the exact Winograd transform F(2x2, 3x3).
 *
 *   output[y][x][filter] = requantise(bias[filter] + sum over window of input * weight)
 *
 * As conv_2d_s8.h, with tiles of 2x2 outputs in place of pixels: the 4x4 inputs of three tiles are
 * widened and transformed side by side into `scratch`, then all filters run over them
 * (winograd_block.h, which has the mathematics). 16 products replace 36.
 *
 *   rows        columns of d0 d1 d2 d3              first down each column, then along each row:
 *   of d   r0 |  .  .  .  .  | ->  u0 = r0 - r2     v0 = c0 - c2
 *          r1 |  .  .  .  .  | ->  u1 = r1 + r2     v1 = c1 + c2
 *          r2 |  .  .  .  .  | ->  u2 = r2 - r1     v2 = c2 - c1
 *          r3 |  .  .  .  .  | ->  u3 = r1 - r3     v3 = c1 - c3
 *
 * Output rows and columns, and filters, are even in number; channels are a multiple of 4.
 * Layouts: NHWC; scratch: 96 bytes per channel, then the band of padded rows.
 * Overlap: all rows under a band's tiles are read before the band's outputs are written.
 * Cost per three tiles: 120 + 660 per 4 channels + filters / 2 * block.
 */
#ifndef TML_DSP_WINOGRAD_3X3_S8_H
#define TML_DSP_WINOGRAD_3X3_S8_H

#include "gemm_run.h"
#include "padded_rows.h"
#include "winograd_block.h"

typedef struct {
    int32_t batches;
    tml_dsp_band_params band; /* `out_rows` and `at_once` even */
    int32_t band_offset;      /* bytes from scratch to the band */
    int32_t out_columns;
    int32_t in_channels;
    int32_t out_channels;
    int32_t form; /* linear or rounding */
    int32_t shift;
    uint32_t loops; /* of tml_dsp_winograd_block */
    uint32_t entry;
    int32_t weight_words; /* all of them */
} tml_dsp_winograd_3x3_params;

/* The block of a form; only those that some layer uses become code. */
TML_KERNEL tml_dsp_winograd tml_dsp_winograd_of(int32_t form, int32_t shift)
{
    if (form == TML_DSP_ROUNDING_FORM) {
        return tml_dsp_winograd_rounding;
    }
    switch (shift) {
    case 8:
        return tml_dsp_winograd_linear_8;
    case 9:
        return tml_dsp_winograd_linear_9;
    case 10:
        return tml_dsp_winograd_linear_10;
    case 12:
        return tml_dsp_winograd_linear_12;
    case 13:
        return tml_dsp_winograd_linear_13;
    default:
        return tml_dsp_winograd_linear_11;
    }
}

TML_KERNEL uint32_t tml_dsp_add16(uint32_t a, uint32_t b)
{
    uint32_t sum;
    __asm__("sadd16 %0, %1, %2" : "=r"(sum) : "r"(a), "r"(b));
    return sum;
}

TML_KERNEL uint32_t tml_dsp_subtract16(uint32_t a, uint32_t b)
{
    uint32_t difference;
    __asm__("ssub16 %0, %1, %2" : "=r"(difference) : "r"(a), "r"(b));
    return difference;
}

/* Channels (0, 2) of a word of four int8, or (1, 3), as int16. */
TML_KERNEL uint32_t tml_dsp_widen16(uint32_t bytes, int32_t odd)
{
    uint32_t halves;
    if (odd != 0) {
        __asm__("sxtb16 %0, %1, ror #8" : "=r"(halves) : "r"(bytes));
    } else {
        __asm__("sxtb16 %0, %1" : "=r"(halves) : "r"(bytes));
    }
    return halves;
}

/* Transforms one tile of the band, where words are aligned; element (q, p) of channel pair k goes to v[(run * pairs + k) * 3], runs in
 * the block's order 1, 2, 0, 3. */
TML_KERNEL void tml_dsp_transform_tile(const int8_t *tile, int32_t channels, int32_t pitch,
                                       uint32_t *v)
{
    const int32_t run = 3 * (channels >> 1);
    for (int32_t c = 0; c < channels; c += 4) {
        uint32_t u[2][4][4];
        const int8_t *at = tile + c;
        for (int32_t x = 0; x < 4; ++x) {
            uint32_t r[4];
            for (int32_t y = 0; y < 4; ++y) {
                r[y] = *(const uint32_t *)(const void *)(at + y * pitch);
            }
            for (int32_t odd = 0; odd < 2; ++odd) {
                const uint32_t r0 = tml_dsp_widen16(r[0], odd);
                const uint32_t r1 = tml_dsp_widen16(r[1], odd);
                const uint32_t r2 = tml_dsp_widen16(r[2], odd);
                const uint32_t r3 = tml_dsp_widen16(r[3], odd);
                u[odd][0][x] = tml_dsp_add16(r1, r2);
                u[odd][1][x] = tml_dsp_subtract16(r2, r1);
                u[odd][2][x] = tml_dsp_subtract16(r0, r2);
                u[odd][3][x] = tml_dsp_subtract16(r1, r3);
            }
            at += channels;
        }
        for (int32_t odd = 0; odd < 2; ++odd) {
            uint32_t *to = v + 3 * odd;
            for (int32_t q = 0; q < 4; ++q) {
                const uint32_t *row = u[odd][q];
                to[0] = tml_dsp_add16(row[1], row[2]);
                to += run;
                to[0] = tml_dsp_subtract16(row[2], row[1]);
                to += run;
                to[0] = tml_dsp_subtract16(row[0], row[2]);
                to += run;
                to[0] = tml_dsp_subtract16(row[1], row[3]);
                to += run;
            }
        }
        v += 6;
    }
}

TML_DSP_SHARED void tml_dsp_winograd_3x3_run(const tml_dsp_winograd_3x3_params *params,
                                             const int8_t *input, const int32_t *weights,
                                             int8_t *output, int32_t *scratch,
                                             tml_dsp_winograd gemm)
{
    const tml_dsp_band_params *band = &params->band;
    const int32_t channels = params->in_channels;
    tml_dsp_winograd_block block;
    block.column = params->out_channels;
    block.row = params->out_columns * params->out_channels;
    block.inputs = scratch;
    block.loops = params->loops;
    block.entry = params->entry;
    block.weights = weights;
    block.end = weights + params->weight_words;

    for (int32_t batch = 0; batch < params->batches; ++batch) {
        for (int32_t y = 0; y < band->out_rows; y += band->at_once) {
            const int32_t left_rows = band->out_rows - y;
            const int32_t rows = left_rows < band->at_once ? left_rows : band->at_once;
            const int8_t *window =
                tml_dsp_band_at(band, y, input, (int8_t *)scratch + params->band_offset);
            int32_t column = params->out_columns;
            for (int32_t left = (rows >> 1) * (column >> 1); left > 0; left -= 3) {
                int8_t *to[3];
                for (int32_t i = 0; i < 3; ++i) {
                    to[i] = output;
                    tml_dsp_transform_tile(window, channels, band->pitch, (uint32_t *)scratch + i);
                    if (i + 1 < left) {
                        window += 2 * channels;
                        output += 2 * block.column;
                        column -= 2;
                        if (column == 0) {
                            column = params->out_columns;
                            window += 2 * band->pitch - column * channels;
                            output += block.row;
                        }
                    }
                }
                block.output = to[0];
                block.second = (int32_t)(to[1] - to[0]);
                block.third = (int32_t)(to[2] - to[0]);
                gemm(&block);
            }
            output += 2 * block.column + block.row;
        }
        input += band->in_rows * band->in_row_bytes;
    }
}

/* See the top of the file. */
TML_KERNEL void tml_dsp_winograd_3x3_s8(const tml_dsp_winograd_3x3_params *params,
                                        const int8_t *input, const int32_t *weights,
                                        int8_t *output, int32_t *scratch)
{
    tml_dsp_winograd_3x3_run(params, input, weights, output, scratch,
                             tml_dsp_winograd_of(params->form, params->shift));
}

#endif
