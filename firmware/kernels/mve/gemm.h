/* gemm.h: inputs of two pixels times all filters, for Helium; four filters at a time.
 *
 *            x of pixel 0   x of pixel 1     16 products are made and summed by one VMLADAVA into
 *   filter 0    sum            sum           a general register. Two inputs and one filter at a
 *   filter 1    sum            sum           time in vector registers, eight sums in the even
 *   filter 2    sum            sum           general registers: 14 instructions per 128 products,
 *   filter 3    sum            sum           and 2 to count.
 *
 * The compiler fills the taps of each filter up with zeros to a multiple of 16, so what lies behind
 * the inputs does not matter. Filters stand in fours, 16 taps of each in turn. Four fours make up
 * sixteen filters in the order of rescale.h; the fours that are left are in plain order. The
 * input's zero point is folded into the bias. Sums wrap around, which does no harm: the whole fits.
 */
#ifndef TML_MVE_GEMM_H
#define TML_MVE_GEMM_H

#include "kernels/mve/rescale.h"

typedef struct {
    int32_t blocks;       /* of 16 taps */
    int32_t out_channels;
    tml_mve_rescale_params rescale;
} tml_mve_gemm_params;

/* Four sums each of two pixels, with bias. */
typedef struct {
    int32x4_t of[2];
} tml_mve_two;

TML_KERNEL int32x4_t tml_mve_vector(int32_t a, int32_t b, int32_t c, int32_t d)
{
    const int32x4_t sums = {a, b, c, d};
    return sums;
}

#define TML_MVE_MAC(filter, sum0, sum1) \
    "vldrb.u8 q2, [%[w]], #16\n\t" \
    "vmladava.s8 %[" sum0 "], q0, q2\n\t" \
    "vmladava.s8 %[" sum1 "], q1, q2\n\t"
#define TML_MVE_FIRST(filter, sum0, sum1) \
    "vldrb.u8 q2, [%[w]], #16\n\t" \
    "vmladav.s8 %[" sum0 "], q0, q2\n\t" \
    "vmladav.s8 %[" sum1 "], q1, q2\n\t"
#define TML_MVE_FOUR(step) \
    "vldrb.u8 q0, [%[x0]], #16\n\t" \
    "vldrb.u8 q1, [%[x1]], #16\n\t" step(0, "a0", "b0") step(1, "a1", "b1") step(2, "a2", "b2") \
        step(3, "a3", "b3")
#define TML_MVE_SUMS \
    [a0] "=&r"(a0), [a1] "=&r"(a1), [a2] "=&r"(a2), [a3] "=&r"(a3), [b0] "=&r"(b0), \
        [b1] "=&r"(b1), [b2] "=&r"(b2), [b3] "=&r"(b3)

/* The sums of four filters for two pixels; w moves to the next four. */
TML_KERNEL tml_mve_two tml_mve_gemm_two(const tml_mve_gemm_params *params, const int8_t *x0,
                                        const int8_t *x1, const int8_t **weights,
                                        const int32_t *scales)
{
    register int32_t a0 __asm__("r0"), a1 __asm__("r2"), a2 __asm__("r4"), a3 __asm__("r6");
    register int32_t b0 __asm__("r8"), b1 __asm__("r10"), b2 __asm__("r12"), b3 __asm__("lr");
    const int8_t *w = *weights;
    if (params->blocks == 1) {
        __asm__ volatile(TML_MVE_FOUR(TML_MVE_FIRST)
                         : TML_MVE_SUMS,
                           [w] "+r"(w), [x0] "+r"(x0), [x1] "+r"(x1)
                         :
                         : "q0", "q1", "q2", "memory");
    } else {
        int32_t more = params->blocks - 1;
        __asm__ volatile(TML_MVE_FOUR(TML_MVE_FIRST) "1:\n\t" TML_MVE_FOUR(TML_MVE_MAC)
                         "subs %[more], #1\n\t"
                         "bne 1b"
                         : TML_MVE_SUMS,
                           [w] "+r"(w), [x0] "+r"(x0), [x1] "+r"(x1), [more] "+r"(more)
                         :
                         : "q0", "q1", "q2", "cc", "memory");
    }
    *weights = w;
    const int32x4_t bias = vldrwq_s32(scales);
    return (tml_mve_two){{vaddq_s32(tml_mve_vector(a0, a1, a2, a3), bias),
                          vaddq_s32(tml_mve_vector(b0, b1, b2, b3), bias)}};
}

/* All outputs of two pixels; an output may be given twice, with the same input. */
TML_KERNEL void tml_mve_gemm(const tml_mve_gemm_params *params, const int8_t *x0, const int8_t *x1,
                             const int8_t *weights, const int32_t *scales, int8_t *out0,
                             int8_t *out1)
{
    int32_t rest = params->out_channels;
    TML_ROLLED
    for (; rest >= 16; rest -= 16) {
        int32x4_t fours[2][4];
        TML_UNROLLED
        for (int32_t i = 0; i < 4; ++i) {
            const tml_mve_two sums = tml_mve_gemm_two(params, x0, x1, &weights, scales);
            fours[0][i] = tml_mve_rescale(&params->rescale, sums.of[0], scales);
            fours[1][i] = tml_mve_rescale(&params->rescale, sums.of[1], scales);
            scales += TML_MVE_SCALES;
        }
        vstrbq_s8(out0, tml_mve_narrow(&params->rescale, fours[0]));
        vstrbq_s8(out1, tml_mve_narrow(&params->rescale, fours[1]));
        out0 += 16;
        out1 += 16;
    }
    TML_ROLLED
    for (; rest > 0; rest -= 4) {
        const tml_mve_two sums = tml_mve_gemm_two(params, x0, x1, &weights, scales);
        const uint32_t count = (uint32_t)rest;
        tml_mve_store_four(&params->rescale, tml_mve_rescale(&params->rescale, sums.of[0], scales),
                           out0, count);
        tml_mve_store_four(&params->rescale, tml_mve_rescale(&params->rescale, sums.of[1], scales),
                           out1, count);
        scales += TML_MVE_SCALES;
        out0 += 4;
        out1 += 4;
    }
}

#endif
