/* Convolution 3x3 with stride 1, int8, by the exact Winograd transform F(2x2, 3x3).
 *
 *   output[y][x][filter] = requantise(bias[filter] + sum over window of input * weight)
 *
 * As conv_2d_s8.h, with tiles of 2x2 outputs in place of pixels: the 4x4 inputs of three tiles are
 * widened and transformed side by side into `scratch` (winograd_tile.h), then all filters run over
 * them (winograd_block.h, which has the mathematics). 16 products replace 36.
 *
 * Output rows and columns, and filters, are even in number; channels are a multiple of 4.
 * Layouts: NHWC; scratch: 96 bytes per channel, then the band of padded rows.
 * Overlap: all rows under a band's tiles are read before the band's outputs are written.
 * Cost per three tiles: 180 + 627 per 4 channels + filters / 2 * block.
 */
#ifndef TML_DSP_WINOGRAD_3X3_S8_H
#define TML_DSP_WINOGRAD_3X3_S8_H

#include "gemm_run.h"
#include "winograd.h"
#include "winograd_tile.h"

/* The band's out_rows and at_once are even. */
typedef tml_dsp_winograd_params tml_dsp_winograd_3x3_params;

/* The block of a form; only those that some layer uses become code. */
TML_KERNEL tml_dsp_winograd tml_dsp_winograd_of(int32_t form, int32_t shift)
{
    if (form == TML_DSP_ROUNDING_FORM) {
        return tml_dsp_winograd_rounding;
    }
    switch (shift) {
    case 4:
        return tml_dsp_winograd_linear_4;
    case 5:
        return tml_dsp_winograd_linear_5;
    case 7:
        return tml_dsp_winograd_linear_7;
    default:
        return tml_dsp_winograd_linear_6;
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
    tml_dsp_tile tile;
    tile.pitch = band->pitch;
    tile.channels = channels;
    tile.run_bytes = 6 * channels;
    tile.words = channels >> 2;

    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        TML_ROLLED
        for (int32_t y = 0; y < band->out_rows; y += band->at_once) {
            const int32_t left_rows = band->out_rows - y;
            const int32_t rows = left_rows < band->at_once ? left_rows : band->at_once;
            tile.tile =
                tml_dsp_band_at(band, y, input, (int8_t *)scratch + params->band_offset);
            int32_t column = params->out_columns;
            TML_ROLLED
            for (int32_t left = (rows >> 1) * (column >> 1); left > 0; left -= 3) {
                int8_t *to[3];
                TML_ROLLED
                for (int32_t i = 0; i < 3; ++i) {
                    to[i] = output;
                    tile.to = scratch + i;
                    tml_dsp_transform_tile(&tile);
                    if (i + 1 < left) {
                        tile.tile += 2 * channels;
                        output += 2 * block.column;
                        column -= 2;
                        if (column == 0) {
                            column = params->out_columns;
                            tile.tile += 2 * band->pitch - column * channels;
                            output += block.row;
                        }
                    }
                }
                tml_dsp_winograd_tiles(&block, to, gemm);
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
