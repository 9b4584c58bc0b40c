/* port.c: brings the parts of the port up in order. */
#include "port.h"

static uint32_t core_hz = TML_RESET_CLOCK_HZ;

void tml_port_init(void)
{
    const tml_clocks clocks = tml_clock_init();
    core_hz = clocks.core_hz;
    tml_pins_init();
    tml_uart_init(clocks.uart_hz);
    tml_cycles_init();
}

uint32_t tml_port_clock_hz(void)
{
    return core_hz;
}
