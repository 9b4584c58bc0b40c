/* stm32_v2.c: USART and LPUART of STM32 F0, F3, F7, G0, G4, H5, H7, L0, L4, U5, WB (ISR, RDR, TDR).
 *
 * Source: RM0432 (STM32L4+), USART and LPUART. Polled, FIFO off, one byte may wait.
 */
#include "../port.h"

#define CR1 (TML_UART_BASE + 0x00u)
#define CR1_UE (1u << 0)
#define CR1_RE (1u << 2)
#define CR1_TE (1u << 3)
#define CR3 (TML_UART_BASE + 0x08u)
#define CR3_OVRDIS (1u << 12) /* a byte that comes too early replaces the one before */
#define BRR (TML_UART_BASE + 0x0Cu)
#define ISR (TML_UART_BASE + 0x1Cu)
#define ISR_RXNE (1u << 5)
#define ISR_TC (1u << 6)
#define ISR_TXE (1u << 7)
#define RDR (TML_UART_BASE + 0x24u)
#define TDR (TML_UART_BASE + 0x28u)

/* TML_UART_BRR_SCALE: 1 for a USART (16 samples per bit), 256 for an LPUART. */
#define LEAST (TML_UART_BRR_SCALE == 1u ? 16u : 0x300u)
#define MOST (TML_UART_BRR_SCALE == 1u ? 0xFFFFu : 0xFFFFFu)

uint32_t tml_uart_divisor(uint32_t uart_hz, uint32_t baud)
{
    const uint32_t divisor = tml_divide(uart_hz, TML_UART_BRR_SCALE, baud);
    return divisor >= LEAST && divisor <= MOST ? divisor : 0;
}

void tml_uart_drain(void)
{
    (void)tml_wait(ISR, ISR_TC, ISR_TC);
}

void tml_uart_init(uint32_t divisor)
{
    TML_REG(CR1) = 0;
    TML_REG(BRR) = divisor;
    TML_REG(CR3) = CR3_OVRDIS;
    TML_REG(CR1) = CR1_UE | CR1_TE | CR1_RE;
}

int tml_port_read(void)
{
    if ((TML_REG(ISR) & ISR_RXNE) == 0) {
        return -1;
    }
    return (int)(TML_REG(RDR) & 0xFFu);
}

void tml_port_write(uint8_t byte)
{
    (void)tml_wait(ISR, ISR_TXE, ISR_TXE);
    TML_REG(TDR) = byte;
}
