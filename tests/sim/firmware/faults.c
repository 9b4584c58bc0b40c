/* One wrong deed, chosen by FAULT. */
#define LEAVE_FPU_OFF (FAULT == 8)
#include "start.h"

volatile uint32_t sink;
const volatile uint32_t constant = 7;

__attribute__((noinline)) void culprit(void)
{
#if FAULT == 1
    volatile uint32_t *place;
    __asm("" : "=r"(place) : "0"(&constant)); /* the compiler must not see what it is */
    *place = 1;
#elif FAULT == 2
    sink = REG(0x4);
#elif FAULT == 3
    ((void (*)(void))0x30000001)();
#elif FAULT == 4
    REG(0x20004000) = 1; /* behind the RAM */
#elif FAULT == 5
    __asm volatile("bkpt #1");
#elif FAULT == 6
    __asm volatile("udf #0");
#elif FAULT == 7
    REG(0x1FFFFFF0) = 1; /* below the RAM, where the stack would run to */
#elif FAULT == 8
    __asm volatile("vadd.f32 s0, s0, s0");
#elif FAULT == 9
    REG(0xE000E010) = 7;
#elif FAULT == 10
    ((void (*)(void))0x20000101)(); /* RAM holds no code */
#elif FAULT == 11
    sink = *(volatile uint32_t *)0x20000101u; /* allowed, but on Armv6-M */
    sink = *(volatile uint16_t *)0x20000103u;
#elif FAULT == 12
    uint32_t low, high;
    __asm volatile("ldrd %0, %1, [%2]" : "=r"(low), "=r"(high) : "r"(0x20000102));
    sink = low + high;
#elif FAULT == 13
    __asm volatile("stmia %0!, {r2, r3}" : : "r"(0x20000101) : "memory");
#elif FAULT == 14
    uint32_t turns = 0;
    __asm volatile("movs r0, #0\n\t"
                   "itte eq\n\t"
                   "ldreq r1, [%1]\n\t"
                   "moveq r2, #1\n\t"
                   "movne r2, #2\n\t"
                   "b 1f\n\t"
                   "nop\n"
                   "1: cmp r0, #1\n\t"
                   "add %0, #1\n\t"
                   "add %0, r2"
                   : "+r"(turns)
                   : "r"(&constant)
                   : "r0", "r1", "r2", "cc");
    sink = turns;
#endif
}

static void test_main(void)
{
    culprit();
}
