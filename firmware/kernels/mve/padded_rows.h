/* padded_rows.h: the input rows under one row of windows, with padding around them, for Helium.
 *
 *    slot 0   | zp | row 3    | zp |      As many rows as the window spans stand in scratch, in a
 *    slot 1   | zp | row 1    | zp |      ring: a new row takes the slot of the one that is no
 *    slot 2   | zp | row 2    | zp |      longer needed. Padding at the sides is written once.
 *
 * Without padding there is no ring: `rows` is 0 and windows lie in the input itself.
 * Every row is read before outputs of its first window are written, so the output may chase the
 * input.
 */
#ifndef TML_MVE_PADDED_ROWS_H
#define TML_MVE_PADDED_ROWS_H

#include "kernels/mve/copy.h"

typedef struct {
    int32_t in_rows;
    int32_t in_row_bytes;
    int32_t pad_rows;      /* above the input */
    int32_t pad_bytes;     /* to the left of a row */
    int32_t padding_value;
    int32_t rows;          /* in the ring */
    int32_t pitch;         /* bytes from slot to slot */
} tml_mve_ring_params;

/* Brings the rows first .. end - 1 of the padded image in. */
TML_KERNEL void tml_mve_ring_read(const tml_mve_ring_params *params, const int8_t *input,
                                  int8_t *ring, int32_t first, int32_t end)
{
    const int32_t room = params->pitch - params->pad_bytes;
    const int32_t bytes = params->in_row_bytes < room ? params->in_row_bytes : room;
    TML_ROLLED
    for (int32_t row = first; row < end; ++row) {
        int8_t *slot = ring + row % params->rows * params->pitch;
        const int32_t in_row = row - params->pad_rows;
        if (in_row < 0 || in_row >= params->in_rows) {
            tml_mve_fill(slot, params->pitch, params->padding_value);
            continue;
        }
        if (first == 0) {
            tml_mve_fill(slot, params->pitch, params->padding_value);
        }
        tml_mve_copy(slot + params->pad_bytes, input + in_row * params->in_row_bytes, bytes);
    }
}

/* Where a row of the padded image starts. */
TML_KERNEL const int8_t *tml_mve_ring_row(const tml_mve_ring_params *params, const int8_t *input,
                                          const int8_t *ring, int32_t row)
{
    return params->rows == 0 ? input + row * params->in_row_bytes
                             : ring + row % params->rows * params->pitch;
}

#endif
