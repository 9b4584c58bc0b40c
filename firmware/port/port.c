/* port.c: brings the parts of the port up in order. */
#include "port.h"

static uint32_t core_hz = TML_RESET_CLOCK_HZ;
static uint32_t uart_hz;
static uint32_t boot_us;

void tml_port_init(void)
{
    const tml_clocks clocks = tml_clock_init();
#ifndef TML_TIMER_COUNT /* a timer has no clock before this */
    const uint32_t slow_cycles = tml_port_cycles();
#endif
    core_hz = clocks.core_hz;
    uart_hz = clocks.uart_hz;
    tml_pins_init();
    tml_uart_init(tml_uart_divisor(uart_hz, TML_BAUD));
#ifdef TML_TIMER_COUNT
    tml_cycles_init();
#else
    const uint64_t fast_cycles = tml_port_cycles() - slow_cycles;
    boot_us = (uint32_t)((uint64_t)slow_cycles * 1000000u / TML_RESET_CLOCK_HZ +
                         fast_cycles * 1000000u / core_hz);
#endif
}

uint32_t tml_port_clock_hz(void)
{
    return core_hz;
}

uint32_t tml_port_boot_us(void)
{
    return boot_us;
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
