/* clock_f4.c: STM32 F4 and F7, PLL from the internal 16 MHz oscillator (1 % accurate).
 *
 * No crystal is needed, so one image runs on every board with the chip. The UART is fed from its APB:
 * TML_UART_DIVIDER below the core clock.
 * Source: RM0090 (F405), RM0390 (F446), RM0385 (F746): RCC, PWR and FLASH are alike in all three.
 */
#include "../port.h"

#define RCC_CR 0x40023800u
#define CR_HSION (1u << 0)
#define CR_PLLON (1u << 24)
#define CR_PLLRDY (1u << 25)
#define RCC_PLLCFGR 0x40023804u
#define PLLCFGR_Q 7u /* USB and RNG clock, unused */
#define PLLCFGR_R 2u /* F446 only, unused; must not be 0 */
#define RCC_CFGR 0x40023808u
#define CFGR_SW_PLL 2u
#define CFGR_SWS_MASK (3u << 2)
#define CFGR_SWS_PLL (2u << 2)
#define CFGR_APB1_BY_4 (5u << 10)
#define CFGR_APB2_BY_2 (4u << 13)
#define RCC_APB1ENR 0x40023840u
#define APB1ENR_PWREN (1u << 28)
#define PWR_CR 0x40007000u
#define CR_ODEN (1u << 16)
#define CR_ODSWEN (1u << 17)
#define PWR_CSR 0x40007004u
#define CSR_ODRDY (1u << 16)
#define CSR_ODSWRDY (1u << 17)
#define FLASH_ACR 0x40023C00u

/* The core voltage for the full clock. Returns false when it does not come. */
static bool raise_voltage(void)
{
    tml_set_bits(RCC_APB1ENR, APB1ENR_PWREN);
    tml_set_bits(PWR_CR, TML_PWR_VOS);
#if TML_PWR_OVERDRIVE
    tml_set_bits(PWR_CR, CR_ODEN);
    if (!tml_wait(PWR_CSR, CSR_ODRDY, CSR_ODRDY)) {
        return false;
    }
    tml_set_bits(PWR_CR, CR_ODSWEN);
    return tml_wait(PWR_CSR, CSR_ODSWRDY, CSR_ODSWRDY);
#else
    return true; /* VOSRDY shows only once the PLL runs */
#endif
}

static bool start_pll(void)
{
    tml_set_bits(RCC_CR, CR_HSION);
    TML_REG(RCC_CFGR) = 0; /* a boot loader may run from the PLL */
    TML_REG(RCC_CR) &= ~CR_PLLON;
    TML_REG(RCC_PLLCFGR) = TML_PLL_M | (TML_PLL_N << 6) | ((TML_PLL_P / 2u - 1u) << 16)
        | (PLLCFGR_Q << 24) | (PLLCFGR_R << 28);
    tml_set_bits(RCC_CR, CR_PLLON);
    return raise_voltage() && tml_wait(RCC_CR, CR_PLLRDY, CR_PLLRDY);
}

tml_clocks tml_clock_init(void)
{
    if (start_pll()) {
        TML_REG(FLASH_ACR) = TML_FLASH_ACR;
        (void)tml_wait(FLASH_ACR, 0xFu, TML_FLASH_ACR & 0xFu);
        TML_REG(RCC_CFGR) = CFGR_APB1_BY_4 | CFGR_APB2_BY_2 | CFGR_SW_PLL;
        if (tml_wait(RCC_CFGR, CFGR_SWS_MASK, CFGR_SWS_PLL)) {
            return (tml_clocks){TML_CLOCK_HZ, TML_CLOCK_HZ / TML_UART_DIVIDER};
        }
    }
    TML_REG(RCC_CFGR) = 0;
    return (tml_clocks){TML_RESET_CLOCK_HZ, TML_RESET_CLOCK_HZ};
}
