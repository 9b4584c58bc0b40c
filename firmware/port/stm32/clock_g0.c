/* clock_g0.c: STM32 G0, PLL from the internal 16 MHz oscillator (1 % accurate).
 *
 * The UART is fed with the 16 MHz directly, whatever the core runs at.
 * Source: RM0444 (STM32G0B1), RCC (PLL), FLASH (wait states).
 */
#include "../port.h"

#define HSI_HZ 16000000u
#define RCC_CR 0x40021000u
#define CR_PLLON (1u << 24)
#define CR_PLLRDY (1u << 25)
#define RCC_CFGR 0x40021008u
#define CFGR_SW_MASK 7u
#define CFGR_SW_PLL 2u
#define CFGR_SWS_MASK (7u << 3)
#define CFGR_SWS_PLL (2u << 3)
#define RCC_PLLCFGR 0x4002100Cu
#define PLLCFGR_HSI 2u
#define PLLCFGR_REN (1u << 28)
#define FLASH_ACR 0x40022000u

tml_clocks tml_clock_init(void)
{
    TML_REG(RCC_PLLCFGR) = PLLCFGR_HSI | ((TML_PLL_M - 1u) << 4) | (TML_PLL_N << 8) | PLLCFGR_REN
        | ((TML_PLL_R - 1u) << 29);
    tml_set_bits(RCC_CR, CR_PLLON);
    if (tml_wait(RCC_CR, CR_PLLRDY, CR_PLLRDY)) {
        TML_REG(FLASH_ACR) = TML_FLASH_ACR;
        (void)tml_wait(FLASH_ACR, 7u, TML_FLASH_ACR & 7u);
        tml_set_field(RCC_CFGR, CFGR_SW_MASK, CFGR_SW_PLL);
        if (tml_wait(RCC_CFGR, CFGR_SWS_MASK, CFGR_SWS_PLL)) {
            return (tml_clocks){TML_CLOCK_HZ, HSI_HZ};
        }
    }
    return (tml_clocks){TML_RESET_CLOCK_HZ, HSI_HZ};
}
