/* Reads a cycle counter for ever: the emulator asks Python for every value. */
#include "start.h"

static void test_main(void)
{
    REG(0xE000EDFC) |= 1u << 24;
    REG(0xE0001000) |= 1;
    for (;;) {
        (void)REG(0xE0001004);
    }
}
