/* pins.c: UART power and pins on any STM32 with GPIO registers of the second kind (all but F1).
 *
 * Source: RM0090 (STM32F4), GPIO: one block of 0x400 bytes per port, MODER and AFR are common to all.
 */
#include "../port.h"

#define PORT(index) (TML_GPIO_BASE + (uint32_t)(index) * 0x400u)
#define MODER 0x00u
#define MODE_ALTERNATE 2u
#define PUPDR 0x0Cu
#define PULL_UP 1u
#define AFRL 0x20u

static void connect(uint32_t port, uint32_t pin, uint32_t function, uint32_t pull)
{
    const uint32_t two_bits = pin * 2u;
    const uint32_t four_bits = (pin & 7u) * 4u;
    tml_set_field(port + AFRL + (pin >> 3) * 4u, 0xFu << four_bits, function << four_bits);
    tml_set_field(port + PUPDR, 3u << two_bits, pull << two_bits);
    tml_set_field(port + MODER, 3u << two_bits, MODE_ALTERNATE << two_bits);
}

void tml_pins_init(void)
{
    tml_set_bits(TML_GPIO_POWER, (1u << TML_TX_PORT) | (1u << TML_RX_PORT));
    tml_set_bits(TML_UART_POWER, TML_UART_POWER_BITS);
#ifdef TML_UART_SELECT
    tml_set_field(TML_UART_SELECT, TML_UART_SELECT_MASK, TML_UART_SELECT_BITS);
#endif
    (void)TML_REG(TML_UART_POWER); /* the clocks need two bus cycles to arrive */
    connect(PORT(TML_TX_PORT), TML_TX_PIN, TML_TX_FUNCTION, 0);
    connect(PORT(TML_RX_PORT), TML_RX_PIN, TML_RX_FUNCTION, PULL_UP);
}
