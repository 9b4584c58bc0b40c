/* copy.h: moving bytes with Helium, 16 at a time; 3 instructions each. */
#ifndef TML_MVE_COPY_H
#define TML_MVE_COPY_H

#include <arm_mve.h>

#include "tml.h"

/* GCC 12 takes a predicated store for one of all lanes and drops earlier ones to the same place:
 * this goes before each. Clang knows better, and would not make a tail-predicated loop with it. */
#if defined(__clang__)
#define TML_MVE_KEEP_STORES ((void)0)
#else
#define TML_MVE_KEEP_STORES __asm__ volatile("" ::: "memory")
#endif

/* Exactly so many bytes, and none if there are less than one; the places must not overlap. */
TML_KERNEL void tml_mve_copy(int8_t *to, const int8_t *from, int32_t bytes)
{
    TML_ROLLED
    for (; bytes > 0; bytes -= 16) {
        const mve_pred16_t rest = vctp8q((uint32_t)bytes);
        TML_MVE_KEEP_STORES;
        vstrbq_p_s8(to, vldrbq_z_s8(from, rest), rest);
        to += 16;
        from += 16;
    }
}

TML_KERNEL void tml_mve_fill(int8_t *to, int32_t bytes, int32_t value)
{
    const int8x16_t values = vdupq_n_s8((int8_t)value);
    TML_ROLLED
    for (; bytes > 0; bytes -= 16) {
        TML_MVE_KEEP_STORES;
        vstrbq_p_s8(to, values, vctp8q((uint32_t)bytes));
        to += 16;
    }
}

#endif
