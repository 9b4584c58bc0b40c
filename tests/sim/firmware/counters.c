/* Reads the cycle counters around loops of known length; results lie in `seen`. */
#include "start.h"

volatile uint32_t seen[12];

__attribute__((noinline)) static void spin(uint32_t turns)
{
    __asm volatile(".p2align 2\n1: subs %0, #1\n bne 1b" : "+r"(turns) : : "cc");
}

static void test_main(void)
{
    seen[0] = REG(0xE0001004);
    spin(100);
    seen[1] = REG(0xE0001004) - seen[0]; /* not switched on */
    REG(0xE000EDFC) |= 1u << 24;
    REG(0xE0001004) = 0;
    REG(0xE0001000) |= 1;
    seen[2] = REG(0xE0001004);
    spin(1000);
    seen[3] = REG(0xE0001004);
    spin(2000);
    seen[4] = REG(0xE0001004);
    REG(0xE000E014) = 0xFFF;
    REG(0xE000E018) = 0;
    REG(0xE000E010) = 5;
    seen[5] = REG(0xE000E018);
    spin(100);
    seen[6] = REG(0xE000E018);
    seen[7] = REG(0xE000E010) >> 16; /* COUNTFLAG: it wrapped when it left 0 */
    seen[8] = REG(0xE000E010) >> 16;
    spin(2000);
    seen[9] = REG(0xE000E010) >> 16;
    spin(3000000);
}
