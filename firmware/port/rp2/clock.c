/* clock.c: RP2040 and RP2350, system PLL from the crystal; releases the blocks in use from reset.
 *
 * Source: RP2040 data sheet, subsystem resets, clocks, XOSC, PLL; the blocks are the
 * same in the RP2350 at other addresses.
 */
#include "../port.h"

#define RESET TML_RESETS_BASE
#define RESET_DONE (TML_RESETS_BASE + 0x8u)
#define CLK_REF_CTRL (TML_CLOCKS_BASE + 0x30u)
#define REF_FROM_XOSC 2u
#define CLK_REF_SELECTED (TML_CLOCKS_BASE + 0x38u)
#define CLK_SYS_CTRL (TML_CLOCKS_BASE + 0x3Cu)
#define SYS_FROM_REF 0u
#define SYS_FROM_PLL 1u /* auxiliary source 0 */
#define CLK_SYS_SELECTED (TML_CLOCKS_BASE + 0x44u)
#define CLK_PERI_CTRL (TML_CLOCKS_BASE + 0x48u)
#define PERI_FROM_SYS (1u << 11)
#define XOSC_CTRL (TML_XOSC_BASE + 0x0u)
#define XOSC_ENABLE_1_TO_15_MHZ 0x00FABAA0u
#define XOSC_STATUS (TML_XOSC_BASE + 0x4u)
#define XOSC_STABLE (1u << 31)
#define XOSC_STARTUP (TML_XOSC_BASE + 0xCu)
#define STARTUP_8_MS 376u /* in 256 crystal cycles at 12 MHz; slow crystals need more than 1 ms */
#define PLL_CS (TML_PLL_BASE + 0x0u)
#define PLL_LOCK (1u << 31)
#define PLL_PWR (TML_PLL_BASE + 0x4u)
#define PWR_PD (1u << 0)
#define PWR_POSTDIVPD (1u << 3)
#define PWR_VCOPD (1u << 5)
#define PLL_FBDIV_INT (TML_PLL_BASE + 0x8u)
#define PLL_PRIM (TML_PLL_BASE + 0xCu)

static bool start_pll(void)
{
    TML_REG(XOSC_STARTUP) = STARTUP_8_MS;
    TML_REG(XOSC_CTRL) = XOSC_ENABLE_1_TO_15_MHZ;
    if (!tml_wait(XOSC_STATUS, XOSC_STABLE, XOSC_STABLE)) {
        return false;
    }
    TML_REG(PLL_CS) = 1; /* reference divider */
    TML_REG(PLL_FBDIV_INT) = TML_PLL_FBDIV;
    TML_REG(PLL_PWR) &= ~(PWR_PD | PWR_VCOPD);
    if (!tml_wait(PLL_CS, PLL_LOCK, PLL_LOCK)) {
        return false;
    }
    TML_REG(PLL_PRIM) = (TML_PLL_POSTDIV1 << 16) | (TML_PLL_POSTDIV2 << 12);
    TML_REG(PLL_PWR) &= ~PWR_POSTDIVPD;
    return true;
}

/* Switches a clock to a source and waits until its one-hot status follows. */
static bool select_source(uint32_t control, uint32_t selected, uint32_t source)
{
    TML_REG(control) = source;
    return tml_wait(selected, 1u << source, 1u << source);
}

tml_clocks tml_clock_init(void)
{
    const uint32_t in_use = TML_RESETS_IN_USE | TML_UART_RESET;
    (void)select_source(CLK_SYS_CTRL, CLK_SYS_SELECTED, SYS_FROM_REF); /* off the PLL */
    tml_set_bits(RESET, in_use);
    TML_REG(RESET) &= ~in_use;
    (void)tml_wait(RESET_DONE, in_use, in_use);
    const bool is_fast = start_pll() && select_source(CLK_REF_CTRL, CLK_REF_SELECTED, REF_FROM_XOSC)
        && select_source(CLK_SYS_CTRL, CLK_SYS_SELECTED, SYS_FROM_PLL);
    TML_REG(CLK_PERI_CTRL) = PERI_FROM_SYS;
    const uint32_t core_hz = is_fast ? TML_CLOCK_HZ : TML_RESET_CLOCK_HZ;
    return (tml_clocks){core_hz, core_hz};
}
