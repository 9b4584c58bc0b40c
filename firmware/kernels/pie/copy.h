/* copy.h: bytes from one place to another, for the ESP32-S3.
 *
 * The core loads and stores words at any address, its vector unit lines of 16 bytes at their beginning only.
 */
#ifndef TML_PIE_COPY_H
#define TML_PIE_COPY_H

#include "tml.h"

#define TML_PIE_LINE 16

/* Copies from and to any address, nothing beyond. Instructions: 5 per 4 bytes, as many for each that is left. */
TML_KERNEL void tml_pie_copy_bytes(int8_t *to, const int8_t *from, int32_t count)
{
    TML_ROLLED
    for (; count >= 4; count -= 4) {
        int32_t word; /* the core moves words at any address; C would not */
        __asm__ volatile("l32i %[word], %[from], 0\n\taddi %[from], %[from], 4\n\t"
                         "s32i %[word], %[to], 0\n\taddi %[to], %[to], 4"
                         : [word] "=&r"(word), [from] "+r"(from), [to] "+r"(to)
                         :
                         : "memory");
    }
    TML_ROLLED
    for (; count > 0; --count) {
        *to++ = *from++;
    }
}

/* The same value many times. Instructions: 4 per 4 bytes, as many for each that is left. */
TML_KERNEL void tml_pie_fill(int8_t *to, int32_t value, int32_t count)
{
    const uint32_t word = (uint32_t)(uint8_t)value * 0x01010101u;
    TML_ROLLED
    for (; count >= 4; count -= 4) {
        __asm__ volatile("s32i %[word], %[to], 0\n\taddi %[to], %[to], 4" : [to] "+r"(to) : [word] "r"(word) : "memory");
    }
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
    tml_pie_copy_bytes(to, from, count);
}

#endif
