/* dwt.c: the 32-bit cycle counter of Armv7-M and Armv8-M Mainline cores.
 *
 * Source: Armv7-M Architecture Reference Manual, Data Watchpoint and Trace unit.
 */
#include "../port.h"

#define DEMCR 0xE000EDFCu
#define DEMCR_TRCENA (1u << 24)
#define DWT_CTRL 0xE0001000u
#define DWT_CTRL_CYCCNTENA (1u << 0)
#define DWT_CYCCNT 0xE0001004u
#define DWT_LAR 0xE0001FB0u
#define LAR_KEY 0xC5ACCE55u

void tml_cycles_init(void)
{
    tml_set_bits(DEMCR, DEMCR_TRCENA);
    TML_REG(DWT_LAR) = LAR_KEY; /* a Cortex-M7 ignores the next writes without it */
    TML_REG(DWT_CYCCNT) = 0;
    tml_set_bits(DWT_CTRL, DWT_CTRL_CYCCNTENA);
}

uint32_t tml_port_cycles(void)
{
    return TML_REG(DWT_CYCCNT);
}
