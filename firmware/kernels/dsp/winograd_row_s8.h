/* Convolution 3x3 with stride 1, int8, by the exact Winograd transform F(2, 3) along rows.
 *
 *   output[y][x][filter] = requantise(bias[filter] + sum over window of input * weight)
 *
 * As winograd_3x3_s8.h, with tiles of two neighbouring outputs: the 3 rows of 4 inputs under a tile
 * are widened and transformed, three tiles side by side, into `scratch`, then all filters run over
 * them (winograd_row_block.h, which has the mathematics). 12 products replace 18.
 *
 *   a row of a tile: d0 d1 d2 d3  ->  runs  d1 + d2 | d2 - d1 | d0 - d2 | d1 - d3
 *
 * When the outputs of a row are odd in number, the last tile overlaps the one before it: that needs
 * a band. Filters are even in number, channels a multiple of 4, rows of outputs at least two long.
 * Layouts: NHWC; scratch: 72 bytes per channel, then the band of padded rows, if there is one.
 * Overlap: with a band, all rows under it are read before the band's outputs are written; else the
 * windows of three tiles before their outputs.
 * Cost per three tiles: 200 + 297 per 4 channels + filters / 2 * block.
 */
#ifndef TML_DSP_WINOGRAD_ROW_S8_H
#define TML_DSP_WINOGRAD_ROW_S8_H

#include "gemm_run.h"
#include "winograd.h"
#include "winograd_row_block.h"

typedef tml_dsp_winograd_params tml_dsp_winograd_row_params;

typedef struct {
    const int8_t *tile;
    int32_t channels; /* bytes from column to column, a multiple of 4 */
    int32_t skip;     /* bytes from the end of a row's first pixel to the next row */
    int32_t *to;
    int32_t run_bytes;
} tml_dsp_row_tile;

/* Two channels of four columns to four runs; r12 run_bytes, lr three times that. */
#define TML_DSP_ROW_TILE(d0, d1, d2, d3)                                                       \
    "ssub16 " d0 ", " d0 ", " d2 "\nssub16 " d3 ", " d1 ", " d3 "\n"                           \
    "str " d0 ", [r3, r12, lsl #1]\nstr " d3 ", [r3, lr]\n"                                    \
    "sadd16 " d0 ", " d1 ", " d2 "\nssub16 " d2 ", " d2 ", " d1 "\n"                           \
    "str " d0 ", [r3]\nstr " d2 ", [r3, r12]\nadd r3, #12\n"

/* Transforms a tile: words of four channels, widened by SXTB16 to (c, c + 2) and (c + 1, c + 3). */
TML_DSP_SHARED void tml_dsp_transform_row_tile(const tml_dsp_row_tile *tile)
{
    __asm__ volatile("mov r0, %0\n"
                     "push {r4-r11, lr}\n"
                     "ldm r0, {r0-r3, r12}\n"
                     "add lr, r12, r12, lsl #1\n"
                     "mov r4, #3\n"
                     "push {r2, r4}\n"
                     "1:\n" /* next row */
                     "lsr r2, r1, #2\n"
                     "2:\n" /* next four channels */
                     "add r7, r1, r1, lsl #1\n"
                     "ldr r5, [r0, r1]\n"
                     "ldr r6, [r0, r1, lsl #1]\n"
                     "ldr r7, [r0, r7]\n"
                     "ldr r4, [r0], #4\n"
                     "sxtb16 r8, r4\nsxtb16 r9, r5\nsxtb16 r10, r6\nsxtb16 r11, r7\n"
                     TML_DSP_ROW_TILE("r8", "r9", "r10", "r11")
                     "sxtb16 r4, r4, ror #8\nsxtb16 r5, r5, ror #8\n"
                     "sxtb16 r6, r6, ror #8\nsxtb16 r7, r7, ror #8\n"
                     TML_DSP_ROW_TILE("r4", "r5", "r6", "r7")
                     "subs r2, #1\n"
                     "bne 2b\n"
                     "ldrd r2, r4, [sp]\n"
                     "add r0, r2\n"
                     "subs r4, #1\n"
                     "str r4, [sp, #4]\n"
                     "bne 1b\n"
                     "add sp, #8\n"
                     "pop {r4-r11, lr}\n"
                     :
                     : "r"(tile)
                     : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
}

/* The block of a form; only those that some layer uses become code. */
TML_KERNEL tml_dsp_winograd tml_dsp_winograd_row_of(int32_t form, int32_t shift)
{
    if (form == TML_DSP_ROUNDING_FORM) {
        return tml_dsp_winograd_row_rounding;
    }
    switch (shift) {
    case 3:
        return tml_dsp_winograd_row_linear_3;
    case 4:
        return tml_dsp_winograd_row_linear_4;
    case 6:
        return tml_dsp_winograd_row_linear_6;
    default:
        return tml_dsp_winograd_row_linear_5;
    }
}

TML_DSP_SHARED void tml_dsp_winograd_row_run(const tml_dsp_winograd_row_params *params,
                                             const int8_t *input, const int32_t *weights,
                                             int8_t *output, int32_t *scratch,
                                             tml_dsp_winograd gemm)
{
    const tml_dsp_band_params *band = &params->band;
    const int32_t channels = params->in_channels;
    const int32_t last = params->out_columns - 2; /* where the last tile of a row starts */
    tml_dsp_winograd_block block;
    block.column = params->out_channels;
    block.inputs = scratch;
    block.loops = params->loops;
    block.entry = params->entry;
    block.weights = weights;
    block.end = weights + params->weight_words;
    tml_dsp_row_tile tile;
    tile.channels = channels;
    tile.skip = band->pitch - channels;
    tile.run_bytes = 18 * channels;

    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t y = 0; y < band->out_rows; y += band->at_once) {
            const int32_t left_rows = band->out_rows - y;
            const int32_t rows = left_rows < band->at_once ? left_rows : band->at_once;
            tile.tile = tml_dsp_band_at(band, y, input, (int8_t *)scratch + params->band_offset);
            int32_t rest = last; /* columns from a tile to the last one of its row */
            TML_ROLLED
            for (int32_t left = rows * ((last + 3) >> 1); left > 0; left -= 3) {
                int8_t *to[3];
                TML_ROLLED
                for (int32_t i = 0; i < 3; ++i) {
                    to[i] = output;
                    tile.to = scratch + i;
                    tml_dsp_transform_row_tile(&tile);
                    if (i + 1 < left) {
                        int32_t columns = rest < 2 ? rest : 2;
                        rest -= columns;
                        tile.tile += columns * channels;
                        if (columns == 0) {
                            rest = last;
                            tile.tile += band->pitch - last * channels;
                            columns = 2;
                        }
                        output += columns * block.column;
                    }
                }
                tml_dsp_winograd_tiles(&block, to, gemm);
            }
            output += 2 * block.column;
        }
        input += band->in_rows * band->in_row_bytes;
    }
}

/* See the top of the file. */
TML_KERNEL void tml_dsp_winograd_row_s8(const tml_dsp_winograd_row_params *params,
                                        const int8_t *input, const int32_t *weights,
                                        int8_t *output, int32_t *scratch)
{
    tml_dsp_winograd_row_run(params, input, weights, output, scratch,
                             tml_dsp_winograd_row_of(params->form, params->shift));
}

#endif
