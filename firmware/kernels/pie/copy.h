/* copy.h: bytes into a window that vector loads can read, 16 at a time.
 *
 *   line i        | . . . a b c d e f g h i j k l m |      vector loads read whole lines of 16 bytes,
 *   line i + 1    | n o p . . . . . . . . . . . . . |      whatever the address; two of them, shifted
 *   shifted         a b c d e f g h i j k l m n o p        by the address's low bits, are what is wanted
 *
 * A line is only read while at least one of its bytes is wanted, so nothing outside of memory is touched.
 */
#ifndef TML_PIE_COPY_H
#define TML_PIE_COPY_H

#include "tml.h"

#define TML_PIE_LINE 16

/* Copies to a multiple of 16, and some more up to the next one. Instructions: 5 + 5 per 16 bytes. */
TML_KERNEL void tml_pie_copy_lines(int8_t *to, const int8_t *from, int32_t count)
{
    const int8_t *last = from + count - 1;
    __asm__ volatile("ee.ld.128.usar.ip q0, %[from], 16" : [from] "+r"(from) : : "memory");
    TML_ROLLED
    for (; count > TML_PIE_LINE; count -= TML_PIE_LINE) {
        __asm__ volatile("ee.vld.128.ip q1, %[from], 16\n\t"
                         "ee.src.q.qup q2, q0, q1\n\t"
                         "ee.vst.128.ip q2, %[to], 16"
                         : [from] "+r"(from), [to] "+r"(to)
                         :
                         : "memory");
    }
    __asm__ volatile("ee.vld.128.ip q1, %[last], 0\n\t"
                     "ee.src.q q2, q0, q1\n\t"
                     "ee.vst.128.ip q2, %[to], 0"
                     : [last] "+r"(last), [to] "+r"(to)
                     :
                     : "memory");
}

/* Copies to any address, nothing beyond. */
TML_KERNEL void tml_pie_copy_bytes(int8_t *to, const int8_t *from, int32_t count)
{
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

/* Copies from a multiple of 16 to any address, nothing beyond. Instructions: 5 + 4 per 16 bytes to another
 * multiple of 16; else 4 per 4 bytes. */
TML_KERNEL void tml_pie_put(int8_t *to, const int8_t *from, int32_t count)
{
    if (count % TML_PIE_LINE == 0 && ((uintptr_t)to & (TML_PIE_LINE - 1)) == 0) {
        TML_ROLLED
        for (; count > 0; count -= TML_PIE_LINE) {
            __asm__ volatile("ee.vld.128.ip q0, %[from], 16\n\tee.vst.128.ip q0, %[to], 16"
                             : [from] "+r"(from), [to] "+r"(to)
                             :
                             : "memory");
        }
        return;
    }
    TML_ROLLED
    for (; count >= 4; count -= 4) {
        int32_t word; /* the core stores words at any address; C would not */
        __asm__ volatile("l32i %[word], %[from], 0\n\taddi %[from], %[from], 4\n\t"
                         "s32i %[word], %[to], 0\n\taddi %[to], %[to], 4"
                         : [word] "=&r"(word), [from] "+r"(from), [to] "+r"(to)
                         :
                         : "memory");
    }
    tml_pie_copy_bytes(to, from, count);
}

#endif
