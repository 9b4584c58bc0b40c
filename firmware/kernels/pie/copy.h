/* copy.h: bytes into a window that vector loads can read: 16 at a time where there are enough.
 *
 *   line i        | . . . a b c d e f g h i j k l m |      vector loads read whole lines of 16 bytes,
 *   line i + 1    | n o p . . . . . . . . . . . . . |      whatever the address; two of them, shifted
 *   shifted         a b c d e f g h i j k l m n o p        by the address's low bits, are what is wanted
 *
 * A line is only read while at least one of its bytes is wanted, so nothing outside of memory is touched.
 * Instructions: 4 per 16 bytes while 32 or more are left, then 4 per word or byte.
 */
#ifndef TML_PIE_COPY_H
#define TML_PIE_COPY_H

#include "tml.h"

#define TML_PIE_LINE 16

/* `to` is a multiple of 16 when `from` and `count` say that lines are copied: a window's start. */
TML_KERNEL void tml_pie_copy(int8_t *to, const int8_t *from, int32_t count)
{
    if (count >= 2 * TML_PIE_LINE && ((uintptr_t)to & (TML_PIE_LINE - 1)) == 0) {
        __asm__ volatile("ee.ld.128.usar.ip q0, %[from], 16\n\t"
                         "1:\n\t"
                         "ee.vld.128.ip q1, %[from], 16\n\t"
                         "addi %[count], %[count], -16\n\t"
                         "ee.src.q.qup q2, q0, q1\n\t"
                         "ee.vst.128.ip q2, %[to], 16\n\t"
                         "bge %[count], %[least], 1b\n\t"
                         : [from] "+&r"(from), [to] "+&r"(to), [count] "+&r"(count)
                         : [least] "r"(2 * TML_PIE_LINE)
                         : "memory");
        from -= TML_PIE_LINE; /* the line that was read ahead */
    }
    if ((((uintptr_t)to | (uintptr_t)from | (uintptr_t)count) & 3u) == 0) {
        TML_ROLLED
        for (; count > 0; count -= 4) {
            __asm__ volatile("l32i a8, %[from], 0\n\t" /* through no type: these are bytes */
                             "s32i a8, %[to], 0"
                             :
                             : [from] "r"(from), [to] "r"(to)
                             : "a8", "memory");
            from += 4;
            to += 4;
        }
    }
    TML_ROLLED
    for (; count > 0; --count) {
        *to++ = *from++;
    }
}

/* The same value many times. */
TML_KERNEL void tml_pie_fill(int8_t *to, int32_t value, int32_t count)
{
    TML_ROLLED
    for (; count > 0; --count) {
        *to++ = (int8_t)value;
    }
}

#endif
