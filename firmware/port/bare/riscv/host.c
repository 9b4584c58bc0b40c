/* host.c: how a program on the emulated core asks the emulator; riscv.py answers. */
#include "tml.h"

#define HOST_COUNT 5

int host_call(int number, int a, int b, int c);
uint32_t host_count(void);

int host_call(int number, int a, int b, int c)
{
    register int a0 __asm__("a0") = number;
    register int a1 __asm__("a1") = a;
    register int a2 __asm__("a2") = b;
    register int a3 __asm__("a3") = c;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3) : "memory");
    return a0;
}

uint32_t host_count(void)
{
    return (uint32_t)host_call(HOST_COUNT, 0, 0, 0);
}
