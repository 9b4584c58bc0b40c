/* cmsdk.c: APB UART of Arm's Cortex-M System Design Kit, on its FPGA boards and in QEMU.
 *
 * Source: Cortex-M System Design Kit Technical Reference Manual, APB UART. One byte may wait in
 * each direction.
 */
#include "../port.h"

#define DATA (TML_UART_BASE + 0x00u)
#define STATE (TML_UART_BASE + 0x04u)
#define STATE_TX_FULL (1u << 0)
#define STATE_RX_FULL (1u << 1)
#define STATE_RX_OVERRUN (1u << 3)
#define CTRL (TML_UART_BASE + 0x08u)
#define CTRL_TX_RX 3u
#define BAUDDIV (TML_UART_BASE + 0x10u)

/* An emulator's core does not wait for the computer that takes the bytes: polling must be long. */
#define PATIENCE 1000u

uint32_t tml_uart_divisor(uint32_t uart_hz, uint32_t baud)
{
    const uint32_t divisor = tml_divide(uart_hz, 1, baud);
    return divisor >= 16u && divisor <= 0xFFFFFu ? divisor : 0;
}

void tml_uart_drain(void)
{
    (void)tml_wait(STATE, STATE_TX_FULL, 0); /* the shift register has no status bit */
}

void tml_uart_init(uint32_t divisor)
{
    TML_REG(CTRL) = 0;
    TML_REG(BAUDDIV) = divisor;
    TML_REG(CTRL) = CTRL_TX_RX;
}

int tml_port_read(void)
{
    if ((TML_REG(STATE) & STATE_RX_FULL) == 0) {
        return -1;
    }
    TML_REG(STATE) = STATE_RX_OVERRUN; /* write one to clear */
    return (int)(TML_REG(DATA) & 0xFFu);
}

void tml_port_write(uint8_t byte)
{
    for (uint32_t turn = 0; turn < PATIENCE && !tml_wait(STATE, STATE_TX_FULL, 0); turn++) {
    }
    TML_REG(DATA) = byte;
}
