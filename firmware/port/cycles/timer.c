/* timer.c: cycles from a free-running 32-bit timer, for cores without a cycle counter.
 *
 * The timer advances TML_TIMER_TICKS while the core takes TML_TIMER_CYCLES cycles (1 and 1 when it runs
 * at the core clock). Software carries the remainder, so no cycle is lost as long as two reads lie
 * less than 2^32 ticks apart.
 */
#include "../port.h"

static uint32_t cycles;
static uint32_t rest; /* ticks that do not make up a whole number of cycles yet */
static uint32_t last;

void tml_cycles_init(void)
{
#ifdef TML_TIMER_POWER
    tml_set_bits(TML_TIMER_POWER, TML_TIMER_POWER_BITS);
#endif
    TML_REG(TML_TIMER_START) = TML_TIMER_START_VALUE;
    last = TML_REG(TML_TIMER_COUNT);
}

uint32_t tml_port_cycles(void)
{
    const uint32_t now = TML_REG(TML_TIMER_COUNT);
    const uint32_t ticks = now - last + rest;
    last = now;
    cycles += ticks / TML_TIMER_TICKS * TML_TIMER_CYCLES;
    rest = ticks % TML_TIMER_TICKS;
    return cycles + rest * TML_TIMER_CYCLES / TML_TIMER_TICKS;
}
