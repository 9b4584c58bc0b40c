/* pl011.c: Arm PrimeCell UART, as in RP2040 and RP2350, with its FIFOs on.
 *
 * Source: PrimeCell UART (PL011) Technical Reference Manual; RP2040 data sheet, UART.
 */
#include "../port.h"

#define DR (TML_UART_BASE + 0x00u)
#define FR (TML_UART_BASE + 0x18u)
#define FR_BUSY (1u << 3)
#define FR_RXFE (1u << 4)
#define FR_TXFF (1u << 5)
#define IBRD (TML_UART_BASE + 0x24u)
#define FBRD (TML_UART_BASE + 0x28u)
#define LCR_H (TML_UART_BASE + 0x2Cu)
#define LCR_H_FIFO_8N1 0x70u
#define CR (TML_UART_BASE + 0x30u)
#define CR_ENABLE_TX_RX 0x301u

uint32_t tml_uart_divisor(uint32_t uart_hz, uint32_t baud)
{
    const uint32_t divisor = tml_divide(uart_hz, 4, baud); /* in 64ths, at 16 samples */
    return divisor >= 64u && divisor >> 6 <= 0xFFFFu ? divisor : 0;
}

void tml_uart_drain(void)
{
    (void)tml_wait(FR, FR_BUSY, 0);
}

void tml_uart_init(uint32_t divisor)
{
    TML_REG(CR) = 0;
    TML_REG(IBRD) = divisor >> 6;
    TML_REG(FBRD) = divisor & 63u;
    TML_REG(LCR_H) = LCR_H_FIFO_8N1; /* also takes IBRD and FBRD over */
    TML_REG(CR) = CR_ENABLE_TX_RX;
}

int tml_port_read(void)
{
    if ((TML_REG(FR) & FR_RXFE) != 0) {
        return -1;
    }
    return (int)(TML_REG(DR) & 0xFFu);
}

void tml_port_write(uint8_t byte)
{
    (void)tml_wait(FR, FR_TXFF, 0);
    TML_REG(DR) = byte;
}
