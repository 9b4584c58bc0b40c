/* CONV_2D of int16 values and int8 weights for Helium, FULLY_CONNECTED of several rows among it.
 *
 *            x of pixel 0   x of pixel 1     8 products are made and summed by one VMLADAVA.S16 into a
 *   filter 0    sum            sum           general register; VLDRB.S16 widens 8 weights as it loads
 *   filter 1    sum            sum           them. Two inputs and one filter at a time in vector
 *   filter 2    sum            sum           registers, eight sums in the even general registers: 14
 *   filter 3    sum            sum           instructions per 64 products, and 2 to count.
 *
 * Windows of two output pixels are laid out in scratch as by conv_2d_s8.h, in bytes, with zeros for
 * padding. Filters stand in fours, 8 taps of each in turn, filled up with zeros. Sums have 32 bits,
 * which the compiler proves enough. They become outputs by
 *
 *   output = clamp(VRSHL(VMULH(sum, M), -n)), M = m * 2^k, n = S + k - 32 >= 1
 *
 * for the factor m / 2^S of tml_requantise_wide: see tinyml/variants/dsp_s16.py, `SHIFTED`.
 *
 * The output may chase the input: two windows are read completely before their outputs are written.
 * Scratch: 2 * 16 * blocks bytes, a block being 8 taps.
 * Instructions per two pixels: 25 per filter window, 5 + 3 per 16 bytes of its rows; per four filters 26
 * and 16 per block.
 */
#ifndef TML_MVE_CONV_2D_S16_H
#define TML_MVE_CONV_2D_S16_H

#include "kernels/mve/conv_2d_s8.h"
#include "kernels/mve/rescale_s16.h"

typedef struct {
    tml_mve_conv_2d_params of_bytes; /* channels and padding of the input in bytes */
} tml_mve_conv_2d_s16_params;

#define TML_MVE_MAC_S16(sum0, sum1) \
    "vldrb.s16 q2, [%[w]], #8\n\t" \
    "vmladava.s16 %[" sum0 "], q0, q2\n\t" \
    "vmladava.s16 %[" sum1 "], q1, q2\n\t"

/* The sums of four filters for two pixels; weights move to the next four. */
TML_KERNEL tml_mve_two tml_mve_gemm_two_s16(int32_t blocks, const int8_t *x0, const int8_t *x1,
                                            const int8_t **weights, const int32_t *scales)
{
    register int32_t a0 __asm__("r0") = 0, a1 __asm__("r2") = 0;
    register int32_t a2 __asm__("r4") = 0, a3 __asm__("r6") = 0;
    register int32_t b0 __asm__("r8") = 0, b1 __asm__("r10") = 0;
    register int32_t b2 __asm__("r12") = 0, b3 __asm__("lr") = 0;
    register const int8_t *w __asm__("r1") = *weights; /* loads that widen want a low register */
    __asm__ volatile("1:\n\t"
                     "vldrh.u16 q0, [%[x0]], #16\n\t"
                     "vldrh.u16 q1, [%[x1]], #16\n\t"
                     TML_MVE_MAC_S16("a0", "b0") TML_MVE_MAC_S16("a1", "b1")
                     TML_MVE_MAC_S16("a2", "b2") TML_MVE_MAC_S16("a3", "b3")
                     "subs %[blocks], #1\n\t"
                     "bne 1b"
                     : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [b0] "+r"(b0),
                       [b1] "+r"(b1), [b2] "+r"(b2), [b3] "+r"(b3), [w] "+r"(w), [x0] "+r"(x0),
                       [x1] "+r"(x1), [blocks] "+r"(blocks)
                     :
                     : "q0", "q1", "q2", "cc", "memory");
    *weights = w;
    const int32x4_t bias = vldrwq_s32(scales);
    return (tml_mve_two){{vaddq_s32(tml_mve_vector(a0, a1, a2, a3), bias),
                          vaddq_s32(tml_mve_vector(b0, b1, b2, b3), bias)}};
}

/* All outputs of two pixels; an output may be given twice, with the same input. */
TML_KERNEL void tml_mve_gemm_s16(const tml_mve_gemm_params *params, const int8_t *x0,
                                 const int8_t *x1, const int8_t *weights, const int32_t *scales,
                                 int16_t *out0, int16_t *out1)
{
    TML_ROLLED
    for (int32_t rest = params->out_channels; rest > 0; rest -= 4) {
        const tml_mve_two sums = tml_mve_gemm_two_s16(params->blocks, x0, x1, &weights, scales);
        tml_mve_store_s16(params->rescale.clamp, sums.of[0], scales, out0, (uint32_t)rest);
        tml_mve_store_s16(params->rescale.clamp, sums.of[1], scales, out1, (uint32_t)rest);
        scales += TML_MVE_SCALES;
        out0 += 4;
        out1 += 4;
    }
}

TML_KERNEL void tml_mve_conv_2d_s16(const tml_mve_conv_2d_s16_params *params, const int16_t *input,
                                    const int8_t *weights, const int32_t *scales, int16_t *output,
                                    int8_t *scratch)
{
    const tml_mve_conv_2d_params *bytes = &params->of_bytes;
    const int32_t pixels = bytes->height.out * bytes->width.out;
    const int32_t window = 16 * bytes->gemm.blocks;
    const int8_t *image = (const int8_t *)input;

    TML_ROLLED
    for (int32_t batch = 0; batch < bytes->batches; ++batch) {
        int32_t out_y = 0;
        int32_t out_x = 0;
        TML_ROLLED
        for (int32_t rest = pixels; rest > 0; rest -= 2) {
            const int32_t second = rest > 1 ? 1 : 0;
            TML_ROLLED
            for (int32_t i = 0; i <= second; ++i) {
                tml_mve_window(bytes, image, out_y, out_x, scratch + i * window);
                if (++out_x == bytes->width.out) {
                    out_x = 0;
                    ++out_y;
                }
            }
            tml_mve_gemm_s16(&bytes->gemm, scratch, scratch + second * window, weights, scales,
                             output, output + second * bytes->gemm.out_channels);
            output += (1 + second) * bytes->gemm.out_channels;
        }
        image += bytes->height.in * bytes->width.in * bytes->in_channels;
    }
}

#endif
