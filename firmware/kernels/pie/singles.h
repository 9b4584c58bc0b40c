/* singles.h: channels whose constants are not proved, made from their sums one by one, for the ESP32-S3.
 *
 *   memory    the accumulator as lanes.h stored it: 8 lanes of 20 bits, 12 bytes of nothing, 8 lanes; behind it
 *             sums that were added up: 16 of 32 bits, first those of even channels, then of odd ones
 *   singles   of each: lane, what is left to add to the sum, multiplier, shift
 *
 * The outputs of the group have been written, these channels' among them; they are written again as TFLM rescales.
 * Instructions per channel: 45 to 70.
 */
#ifndef TML_PIE_SINGLES_H
#define TML_PIE_SINGLES_H

#include "kernels/pie/lanes.h"
#include "kernels/types/s8.h"

#define TML_PIE_LANE_BITS 20
#define TML_PIE_SINGLE 4 /* words of one */

/* The sum of a lane, from the accumulator as it was stored. */
TML_KERNEL int32_t tml_pie_sum_of_lane(const int8_t *memory, int32_t lane)
{
    const int32_t bit = lane % 8 * TML_PIE_LANE_BITS;
    const uint32_t *word = (const uint32_t *)(const void *)(memory + lane / 8 * 32) + bit / 32;
    const uint32_t bits = word[0] >> bit % 32 | word[1] << 1 << (31 - bit % 32);
    return (int32_t)(bits << TML_PIE_BELOW) >> TML_PIE_BELOW;
}

/* The sum of a lane, from those that were added up. */
TML_KERNEL int32_t tml_pie_sum_in_memory(const int8_t *totals, int32_t lane)
{
    return ((const int32_t *)(const void *)totals)[lane / 2 + lane % 2 * 8];
}

/* Outputs of a group's channels that are made one by one. */
TML_KERNEL void tml_pie_make_singles(const tml_pie_rescale *rescale, int32_t lanes, bool is_split,
                                     const tml_pie_words_of *words, const int8_t *memory, int8_t *output)
{
    const int32_t *of_group = words->own + tml_pie_words(rescale, lanes) - TML_PIE_SINGLES;
    const int32_t *single = words->masks + of_group[1];
    TML_ROLLED
    for (int32_t left = of_group[0]; left > 0; --left) {
        const int32_t lane = single[0];
        const int32_t sum = is_split ? tml_pie_sum_in_memory(memory + TML_PIE_SUMS_BYTES, lane)
                                     : tml_pie_sum_of_lane(memory, lane);
        const int32_t with_bias = (int32_t)((uint32_t)sum + (uint32_t)single[1]);
        const int32_t scaled = TML_RESCALED_s8(with_bias, single[2], single[3], rescale->shifts_right);
        output[lane] = TML_CLAMPED_s8(TML_MOVED_s8(scaled, rescale->zero_point), rescale->clamp);
        single += TML_PIE_SINGLE;
    }
}

#endif
