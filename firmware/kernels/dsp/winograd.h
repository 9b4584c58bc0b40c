/* What the Winograd convolutions have in common: params, and the block of three tiles.
 *
 * Both transform the inputs of three tiles side by side into scratch, then run all filters over them;
 * they differ in what a tile is (winograd_3x3_s8.h, winograd_row_s8.h). Costs no instruction of its
 * own.
 */
#ifndef TML_DSP_WINOGRAD_H
#define TML_DSP_WINOGRAD_H

#include "padded_rows.h"
#include "winograd_block.h"

typedef struct {
    int32_t batches;
    tml_dsp_band_params band;
    int32_t band_offset; /* bytes from scratch to the band */
    int32_t out_columns;
    int32_t in_channels;
    int32_t out_channels;
    int32_t form; /* linear or rounding */
    int32_t shift;
    uint32_t loops; /* of tml_dsp_winograd_block */
    uint32_t entry;
    int32_t weight_words; /* all of them */
} tml_dsp_winograd_params;

/* All filters over the three tiles whose outputs begin at `to`. */
TML_KERNEL void tml_dsp_winograd_tiles(tml_dsp_winograd_block *block, int8_t *const to[3],
                                       tml_dsp_winograd gemm)
{
    block->output = to[0];
    block->second = (int32_t)(to[1] - to[0]);
    block->third = (int32_t)(to[2] - to[0]);
    gemm(block);
}

#endif
