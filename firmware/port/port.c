/* port.c: brings the parts of the port up in order. */
#include "port.h"

static uint32_t core_hz = TML_RESET_CLOCK_HZ;
static uint32_t uart_hz;
#ifndef TML_TIMER_COUNT
static uint32_t slow_cycles; /* of the boot, at the clock after reset */
static uint32_t fast_cycles;
#endif

void tml_port_init(void)
{
    const tml_clocks clocks = tml_clock_init();
#ifndef TML_TIMER_COUNT /* a timer has no clock before this */
    slow_cycles = tml_port_cycles();
#endif
    core_hz = clocks.core_hz;
    uart_hz = clocks.uart_hz;
    tml_pins_init();
    tml_uart_init(tml_uart_divisor(uart_hz, TML_BAUD));
#ifdef TML_TIMER_COUNT
    tml_cycles_init();
#else
    fast_cycles = tml_port_cycles() - slow_cycles;
#endif
}

uint32_t tml_port_clock_hz(void)
{
    return core_hz;
}

uint32_t tml_port_boot_us(void)
{
#ifdef TML_TIMER_COUNT
    return 0;
#else
    return (uint32_t)((uint64_t)slow_cycles * 1000000u / TML_RESET_CLOCK_HZ
                      + (uint64_t)fast_cycles * 1000000u / core_hz);
#endif
}

bool tml_port_has_baud(uint32_t baud)
{
    return tml_uart_divisor(uart_hz, baud) != 0;
}

void tml_port_set_baud(uint32_t baud)
{
    tml_uart_drain();
    tml_uart_init(tml_uart_divisor(uart_hz, baud));
}
