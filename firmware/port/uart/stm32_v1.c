/* stm32_v1.c: USART of STM32 F1, F2, F4 and L1 (status and data registers SR, DR).
 *
 * Source: RM0090 (STM32F4), USART. Polled, no FIFO, one byte may wait.
 */
#include "../port.h"

#define SR (TML_UART_BASE + 0x00u)
#define SR_RXNE (1u << 5)
#define SR_TC (1u << 6)
#define SR_TXE (1u << 7)
#define DR (TML_UART_BASE + 0x04u)
#define BRR (TML_UART_BASE + 0x08u)
#define CR1 (TML_UART_BASE + 0x0Cu)
#define CR1_RE (1u << 2)
#define CR1_TE (1u << 3)
#define CR1_UE (1u << 13)

uint32_t tml_uart_divisor(uint32_t uart_hz, uint32_t baud)
{
    const uint32_t divisor = tml_divide(uart_hz, 1, baud); /* 16 samples per bit */
    return divisor >= 16u && divisor <= 0xFFFFu ? divisor : 0;
}

void tml_uart_drain(void)
{
    (void)tml_wait(SR, SR_TC, SR_TC);
}

void tml_uart_init(uint32_t divisor)
{
    TML_REG(CR1) = 0;
    TML_REG(BRR) = divisor;
    TML_REG(CR1) = CR1_UE | CR1_TE | CR1_RE;
}

int tml_port_read(void)
{
    if ((TML_REG(SR) & SR_RXNE) == 0) {
        return -1;
    }
    return (int)(TML_REG(DR) & 0xFFu); /* reading SR, then DR clears an overrun as well */
}

void tml_port_write(uint8_t byte)
{
    (void)tml_wait(SR, SR_TXE, SR_TXE);
    TML_REG(DR) = byte;
}
