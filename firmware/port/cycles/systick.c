/* systick.c: cycles from SysTick, for cores without a cycle counter and chips without a free timer.
 *
 * SysTick counts down and has 24 bits. Software extends it at each read, so two reads must not lie
 * more than 2^24 cycles apart: a layer that takes longer is reported modulo 2^24. Prefer timer.c.
 * Source: Armv6-M Architecture Reference Manual, system timer.
 */
#include "../port.h"

#define SYST_CSR 0xE000E010u
#define SYST_RVR 0xE000E014u
#define SYST_CVR 0xE000E018u
#define SYST_MASK 0x00FFFFFFu
#define CSR_ENABLE (1u << 0)
#define CSR_CORE_CLOCK (1u << 2)

static uint32_t total;
static uint32_t last; /* 0 from the start, as the counter: .bss is cleared after tml_cycles_init() */

void tml_cycles_init(void)
{
    TML_REG(SYST_RVR) = SYST_MASK;
    TML_REG(SYST_CVR) = 0;
    TML_REG(SYST_CSR) = CSR_CORE_CLOCK | CSR_ENABLE; /* no interrupt */
}

uint32_t tml_port_cycles(void)
{
    const uint32_t now = TML_REG(SYST_CVR) & SYST_MASK;
    total += (last - now) & SYST_MASK;
    last = now;
    return total;
}
