/* clock.c: nRF52, the 64 MHz clock from the 32 MHz crystal, and the instruction cache.
 *
 * The core always runs at 64 MHz; without the crystal it is only less accurate.
 * Source: nRF52840 Product Specification, CLOCK and NVMC.
 */
#include "../port.h"

#define TASKS_HFCLKSTART 0x40000000u
#define EVENTS_HFCLKSTARTED 0x40000100u
#define NVMC_ICACHECNF 0x4001E540u
#define ICACHECNF_CACHEEN 1u

tml_clocks tml_clock_init(void)
{
    TML_REG(NVMC_ICACHECNF) = ICACHECNF_CACHEEN;
    TML_REG(EVENTS_HFCLKSTARTED) = 0;
    TML_REG(TASKS_HFCLKSTART) = 1;
    (void)tml_wait(EVENTS_HFCLKSTARTED, 1u, 1u);
    return (tml_clocks){TML_CLOCK_HZ, TML_CLOCK_HZ};
}
