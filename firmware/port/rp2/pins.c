/* pins.c: UART pins of RP2040 and RP2350.
 *
 * Source: RP2040 data sheet, GPIO; RP2350 data sheet, pads (they start isolated).
 */
#include "../port.h"

#define GPIO_CTRL(pin) (TML_IO_BANK_BASE + (uint32_t)(pin) * 8u + 4u)
#define FUNCTION_UART 2u
#define PAD(pin) (TML_PADS_BASE + 4u + (uint32_t)(pin) * 4u)
#define PAD_DRIVE_4_MA (1u << 4)
#define PAD_INPUT (1u << 6)
#define PAD_PULL_UP (1u << 3)
#define PAD_SCHMITT (1u << 1)

void tml_pins_init(void)
{
    TML_REG(GPIO_CTRL(TML_TX_PIN)) = FUNCTION_UART;
    TML_REG(GPIO_CTRL(TML_RX_PIN)) = FUNCTION_UART;
    TML_REG(PAD(TML_TX_PIN)) = PAD_DRIVE_4_MA | PAD_SCHMITT | PAD_INPUT;
    TML_REG(PAD(TML_RX_PIN)) = PAD_DRIVE_4_MA | PAD_SCHMITT | PAD_INPUT | PAD_PULL_UP;
}
