/* DYNAMIC_UPDATE_SLICE, elements of any size: a tensor in which a block is replaced by another.
 *
 * The block begins at start[k] elements along dimension k, moved so far that it fits. Dimensions that
 * are not needed come first: count 1, room 0, step 0; first_start is the number of them. The last one
 * is a run of bytes: its step is that of an element. The output may be the input, in place.
 */
#ifndef TML_DYNAMIC_UPDATE_SLICE_S8_H
#define TML_DYNAMIC_UPDATE_SLICE_S8_H

#include "tml_fixedpoint.h"

typedef struct {
    int32_t count[6]; /* of the block */
    int32_t step[6];  /* bytes of the output */
    int32_t room[6];  /* greatest start */
    int32_t unused;   /* dimensions */
    int32_t bytes;    /* of the output */
} tml_dynamic_update_slice_params;

TML_KERNEL void tml_dynamic_update_slice_put(const tml_dynamic_update_slice_params *params,
                                             const int8_t *input, const int8_t *block, int32_t at,
                                             int8_t *output)
{
    const int32_t *const count = params->count;
    const int32_t *const step = params->step;
    const int32_t run = count[5] * step[5];
    if (input != output) {
        memmove(output, input, (size_t)params->bytes);
    }
    for (int32_t i0 = 0; i0 < count[0]; ++i0) {
        for (int32_t i1 = 0; i1 < count[1]; ++i1) {
            for (int32_t i2 = 0; i2 < count[2]; ++i2) {
                for (int32_t i3 = 0; i3 < count[3]; ++i3) {
                    int8_t *to = output + at + i0 * step[0] + i1 * step[1] + i2 * step[2];
                    to += i3 * step[3];
                    for (int32_t i4 = 0; i4 < count[4]; ++i4) {
                        memcpy(to, block, (size_t)run);
                        to += step[4];
                        block += run;
                    }
                }
            }
        }
    }
}

TML_KERNEL void tml_dynamic_update_slice_s8(const tml_dynamic_update_slice_params *params,
                                            const int8_t *input, const int8_t *block,
                                            const int32_t *start, int8_t *output)
{
    int32_t at = 0;
    for (int32_t k = params->unused; k < 6; ++k) {
        at += tml_clamp_to(start[k - params->unused], 0, params->room[k]) * params->step[k];
    }
    tml_dynamic_update_slice_put(params, input, block, at, output);
}

typedef tml_dynamic_update_slice_params tml_dynamic_update_slice_params_s64;

TML_KERNEL void tml_dynamic_update_slice_from_s64(const tml_dynamic_update_slice_params *params,
                                                  const int8_t *input, const int8_t *block,
                                                  const int64_t *start, int8_t *output)
{
    int32_t at = 0;
    for (int32_t k = params->unused; k < 6; ++k) {
        const int64_t wanted = start[k - params->unused];
        const int32_t room = params->room[k];
        at += (wanted < 0 ? 0 : (wanted > room ? room : (int32_t)wanted)) * params->step[k];
    }
    tml_dynamic_update_slice_put(params, input, block, at, output);
}

#endif
