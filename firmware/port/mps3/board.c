/* board.c: Arm's FPGA boards, where clocks and pins are wired for good. */
#include "../port.h"

tml_clocks tml_clock_init(void)
{
    return (tml_clocks){TML_CLOCK_HZ, TML_UART_CLOCK_HZ};
}

void tml_pins_init(void)
{
}
