/* nrf52.c: the UART without DMA of the nRF51 and nRF52 series.
 *
 * It takes six bytes before one is lost. Source: nRF52840 Product Specification, UART.
 */
#include "../port.h"

#define TASKS_STARTRX (TML_UART_BASE + 0x000u)
#define TASKS_STARTTX (TML_UART_BASE + 0x008u)
#define EVENTS_RXDRDY (TML_UART_BASE + 0x108u)
#define EVENTS_TXDRDY (TML_UART_BASE + 0x11Cu)
#define ENABLE (TML_UART_BASE + 0x500u)
#define ENABLE_UART 4u
#define PSEL_TXD (TML_UART_BASE + 0x50Cu)
#define PSEL_RXD (TML_UART_BASE + 0x514u)
#define RXD (TML_UART_BASE + 0x518u)
#define TXD (TML_UART_BASE + 0x51Cu)
#define BAUDRATE (TML_UART_BASE + 0x524u)

#define FASTEST_BAUD 1000000u

/* 2^32 / 16 MHz per baud, rounded to the 20 upper bits that count: 0x01D7E000 for 115200. */
uint32_t tml_uart_divisor(uint32_t uart_hz, uint32_t baud)
{
    (void)uart_hz;
    const uint64_t exact = ((uint64_t)baud << 32) / 16000000u;
    return baud <= FASTEST_BAUD ? (uint32_t)((exact + 0x800u) & 0xFFFFF000u) : 0;
}

void tml_uart_drain(void)
{
} /* each byte is waited for when it is sent */

void tml_uart_init(uint32_t divisor)
{
    TML_REG(ENABLE) = 0;
    TML_REG(PSEL_TXD) = TML_TX_PIN;
    TML_REG(PSEL_RXD) = TML_RX_PIN;
    TML_REG(BAUDRATE) = divisor;
    TML_REG(ENABLE) = ENABLE_UART;
    TML_REG(EVENTS_RXDRDY) = 0;
    TML_REG(EVENTS_TXDRDY) = 0;
    TML_REG(TASKS_STARTRX) = 1;
    TML_REG(TASKS_STARTTX) = 1;
}

int tml_port_read(void)
{
    if (TML_REG(EVENTS_RXDRDY) == 0) {
        return -1;
    }
    TML_REG(EVENTS_RXDRDY) = 0; /* before RXD: the next byte raises it again */
    return (int)(TML_REG(RXD) & 0xFFu);
}

void tml_port_write(uint8_t byte)
{
    TML_REG(EVENTS_TXDRDY) = 0;
    TML_REG(TXD) = byte;
    (void)tml_wait(EVENTS_TXDRDY, 1u, 1u); /* sent */
}
