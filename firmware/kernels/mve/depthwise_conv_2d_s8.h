/* depthwise_conv_2d_s8.h: DEPTHWISE_CONV_2D for Helium, sixteen neighbouring outputs at a time.
 *
 *   bytes of a row   x0 x1 x2 ... x15    VMULLB: even channels, VMULLT: odd ones. Products of
 *   times weights    w0 w1 w2 ... w15    `group` taps are added in 16 bits, which the compiler has
 *                                        proven to hold them; then widened into four vectors of
 *                                        32-bit sums, whose order is that of rescale.h.
 *
 * A position is a run of `elements` outputs under which the inputs lie as the outputs do: one
 * pixel, or with stride 1 the whole row if the channels divide 16. Blocks of 16 outputs follow one
 * another; the last one overlaps the one before, or has fewer lanes when there is only one. Input
 * row pitch, padding: padded_rows.h. The input's zero point is folded into the bias; one filter per
 * channel.
 *
 * Weights of a block: 16 per tap. Scales of a block: rescale.h, four times 12 words.
 * The output may chase the input: all rows under an output row are in the ring before it is
 * written, or, without one, a pixel's window is needed until all its channels are written.
 * Instructions per block: 36 to 48, 5 per tap, 10 per group of taps, 4 per row of taps.
 */
#ifndef TML_MVE_DEPTHWISE_CONV_2D_S8_H
#define TML_MVE_DEPTHWISE_CONV_2D_S8_H

#include "kernels/mve/padded_rows.h"
#include "kernels/mve/rescale.h"

#define TML_MVE_MOST_ROWS 16 /* of taps */

/* Taps are at constant distances, however many there are. */
#if defined(__clang__)
#define TML_MVE_UNROLLED _Pragma("clang loop unroll(full)")
#else
#define TML_MVE_UNROLLED _Pragma("GCC unroll 64")
#endif

/* The compiler does not load for the next group of taps before: it would run out of registers. */
#define TML_MVE_BARRIER __asm__ volatile("" ::: "memory")

typedef struct {
    int32_t batches;
    int32_t in_bytes;     /* per image */
    int32_t out_rows;
    int32_t positions;    /* per row */
    int32_t step;         /* bytes of input from one position to the next */
    int32_t elements;     /* outputs of a position */
    int32_t block_weights; /* from one block's constants to the next; 0 when all have the same */
    int32_t block_scales;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t dilation_h;
    int32_t tap_bytes;    /* from one tap of a row to the next */
    int32_t group;        /* taps whose products 16 bits hold */
    int32_t height;       /* rows that a window spans */
    tml_mve_ring_params ring;
    tml_mve_rescale_params rescale;
} tml_mve_depthwise_params;

typedef struct {
    int32x4_t of[4];
} tml_mve_sums;

/* Adds the products of taps `first` to `end` - 1 to the sums. */
TML_KERNEL void tml_mve_depthwise_taps(const tml_mve_depthwise_params *params,
                                       const int8_t *const *rows, int32_t offset,
                                       const int8_t *weights, int32_t first, int32_t end,
                                       tml_mve_sums *sums)
{
    const mve_pred16_t lanes = vctp8q((uint32_t)params->elements);
    int16x8_t even = vdupq_n_s16(0);
    int16x8_t odd = vdupq_n_s16(0);
    TML_MVE_UNROLLED
    for (int32_t tap = first; tap < end; ++tap) {
        const int8_t *x
            = rows[tap / params->kernel_w] + offset + tap % params->kernel_w * params->tap_bytes;
        const int8x16_t inputs = params->elements < 16 ? vldrbq_z_s8(x, lanes) : vldrbq_s8(x);
        const int8x16_t factors = vldrbq_s8(weights + 16 * tap);
        const int16x8_t low = vmullbq_int_s8(inputs, factors);
        const int16x8_t high = vmulltq_int_s8(inputs, factors);
        even = tap == first ? low : vaddq_s16(even, low);
        odd = tap == first ? high : vaddq_s16(odd, high);
    }
    sums->of[0] = vaddq_s32(sums->of[0], vmovlbq_s16(even));
    sums->of[1] = vaddq_s32(sums->of[1], vmovltq_s16(even));
    sums->of[2] = vaddq_s32(sums->of[2], vmovlbq_s16(odd));
    sums->of[3] = vaddq_s32(sums->of[3], vmovltq_s16(odd));
}

/* Sixteen outputs, or as many as there are lanes. */
TML_KERNEL void tml_mve_depthwise_block(const tml_mve_depthwise_params *params,
                                        const int8_t *const *rows, int32_t offset,
                                        const int8_t *weights, const int32_t *scales,
                                        int8_t *output)
{
    const mve_pred16_t lanes = vctp8q((uint32_t)params->elements);
    const int32_t taps = params->kernel_h * params->kernel_w;
    tml_mve_sums sums;
    TML_UNROLLED
    for (int32_t i = 0; i < 4; ++i) {
        sums.of[i] = vldrwq_s32(scales + TML_MVE_SCALES * i);
    }
    TML_MVE_UNROLLED
    for (int32_t tap = 0; tap < taps; tap += params->group) {
        const int32_t end = tap + params->group < taps ? tap + params->group : taps;
        tml_mve_depthwise_taps(params, rows, offset, weights, tap, end, &sums);
        TML_MVE_BARRIER;
    }
    TML_UNROLLED
    for (int32_t i = 0; i < 4; ++i) {
        sums.of[i] = tml_mve_rescale(&params->rescale, sums.of[i], scales + TML_MVE_SCALES * i);
    }
    const int8x16_t made = tml_mve_narrow(&params->rescale, sums.of);
    if (params->elements < 16) {
        TML_MVE_KEEP_STORES;
        vstrbq_p_s8(output, made, lanes);
    } else {
        vstrbq_s8(output, made);
    }
}

TML_KERNEL void tml_mve_depthwise_conv_2d_s8(const tml_mve_depthwise_params *params,
                                             const int8_t *input, const int8_t *weights,
                                             const int32_t *scales, int8_t *output,
                                             int8_t *scratch)
{
    const int32_t elements = params->elements;
    TML_ROLLED
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        int32_t read = 0;
        TML_ROLLED
        for (int32_t out_y = 0; out_y < params->out_rows; ++out_y) {
            const int8_t *rows[TML_MVE_MOST_ROWS];
            const int32_t first = out_y * params->stride_h;
            if (params->ring.rows > 0) {
                const int32_t from = first > read ? first : read;
                read = first + params->height;
                tml_mve_ring_read(&params->ring, input, scratch, from, read);
            }
            for (int32_t k_y = 0; k_y < params->kernel_h; ++k_y) {
                rows[k_y] = tml_mve_ring_row(&params->ring, input, scratch,
                                             first + k_y * params->dilation_h);
            }
            int32_t offset = 0;
            TML_ROLLED
            for (int32_t position = 0; position < params->positions; ++position) {
                const int8_t *w = weights;
                const int32_t *s = scales;
                int32_t done = 0;
                TML_ROLLED
                do {
                    tml_mve_depthwise_block(params, rows, offset + done, w, s, output + done);
                    w += params->block_weights;
                    s += params->block_scales;
                    done += 16;
                    if (elements % 16 != 0 && done < elements && done + 16 > elements) {
                        done = elements - 16;
                    }
                } while (done < elements);
                output += elements;
                offset += params->step;
            }
        }
        input += params->in_bytes;
    }
}

#endif
