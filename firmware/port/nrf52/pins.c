/* pins.c: UART pins of an nRF52. TML_TX_PIN and TML_RX_PIN are 32 * port + pin, as in PSEL.
 *
 * Source: nRF52840 Product Specification, GPIO: the ports lie 0x300 bytes apart.
 */
#include "../port.h"

#define PORT(pin) (0x50000000u + ((uint32_t)(pin) >> 5) * 0x300u)
#define OUTSET 0x508u
#define PIN_CNF(pin) (0x700u + ((uint32_t)(pin) & 31u) * 4u)
#define CNF_OUTPUT 3u           /* input buffer off */
#define CNF_INPUT_PULL_UP 0x0Cu /* input buffer on */

void tml_pins_init(void)
{
    TML_REG(PORT(TML_TX_PIN) + OUTSET) = 1u << (TML_TX_PIN & 31u); /* idle is high */
    TML_REG(PORT(TML_TX_PIN) + PIN_CNF(TML_TX_PIN)) = CNF_OUTPUT;
    TML_REG(PORT(TML_RX_PIN) + PIN_CNF(TML_RX_PIN)) = CNF_INPUT_PULL_UP;
}
