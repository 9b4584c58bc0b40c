/* clock_u5.c: STM32 U5, PLL1 from the internal 16 MHz oscillator (1 % accurate), range 1 with booster.
 *
 * The UART is fed with the 16 MHz directly, whatever the core runs at. Addresses are the non-secure
 * ones: TrustZone is off in a chip as delivered.
 * Source: RM0456 (STM32U575), PWR (voltage scaling), RCC (PLLs), FLASH (wait states), ICACHE.
 */
#include "../port.h"

#define HSI_HZ 16000000u
#define RCC 0x46020C00u
#define RCC_CR (RCC + 0x00u)
#define CR_HSION (1u << 8)
#define CR_HSIRDY (1u << 10)
#define CR_PLL1ON (1u << 24)
#define CR_PLL1RDY (1u << 25)
#define RCC_CFGR1 (RCC + 0x1Cu)
#define CFGR1_SW_MASK 3u
#define CFGR1_SW_PLL1 3u
#define CFGR1_SWS_MASK (3u << 2)
#define CFGR1_SWS_PLL1 (3u << 2)
#define RCC_PLL1CFGR (RCC + 0x28u)
#define PLL1CFGR_HSI 2u
#define PLL1CFGR_8_TO_16_MHZ (3u << 2)
#define PLL1CFGR_REN (1u << 18) /* PLL1MBOOST stays 0: the booster gets the 16 MHz */
#define RCC_PLL1DIVR (RCC + 0x34u)
#define RCC_AHB3ENR (RCC + 0x94u)
#define AHB3ENR_PWREN (1u << 2)
#define PWR_VOSR 0x4602080Cu
#define VOSR_BOOSTRDY (1u << 14)
#define VOSR_VOSRDY (1u << 15)
#define VOSR_RANGE_1 (3u << 16)
#define VOSR_BOOSTEN (1u << 18)
#define FLASH_ACR 0x40022000u
#define ICACHE_CR 0x40030400u
#define ICACHE_EN 1u

static bool start_pll(void)
{
    TML_REG(RCC_PLL1CFGR) = PLL1CFGR_HSI | PLL1CFGR_8_TO_16_MHZ | ((TML_PLL_M - 1u) << 8)
        | PLL1CFGR_REN;
    TML_REG(RCC_PLL1DIVR) = (TML_PLL_N - 1u) | (1u << 9) | (1u << 16) | ((TML_PLL_R - 1u) << 24);
    tml_set_bits(PWR_VOSR, VOSR_RANGE_1);
    if (!tml_wait(PWR_VOSR, VOSR_VOSRDY, VOSR_VOSRDY)) {
        return false;
    }
    tml_set_bits(PWR_VOSR, VOSR_BOOSTEN);
    if (!tml_wait(PWR_VOSR, VOSR_BOOSTRDY, VOSR_BOOSTRDY)) {
        return false;
    }
    tml_set_bits(RCC_CR, CR_PLL1ON);
    return tml_wait(RCC_CR, CR_PLL1RDY, CR_PLL1RDY);
}

tml_clocks tml_clock_init(void)
{
    tml_set_bits(ICACHE_CR, ICACHE_EN);
    tml_set_bits(RCC_AHB3ENR, AHB3ENR_PWREN);
    (void)TML_REG(RCC_AHB3ENR);
    tml_set_bits(RCC_CR, CR_HSION);
    if (tml_wait(RCC_CR, CR_HSIRDY, CR_HSIRDY) && start_pll()) {
        TML_REG(FLASH_ACR) = TML_FLASH_ACR;
        (void)tml_wait(FLASH_ACR, 0xFu, TML_FLASH_ACR & 0xFu);
        tml_set_field(RCC_CFGR1, CFGR1_SW_MASK, CFGR1_SW_PLL1);
        if (tml_wait(RCC_CFGR1, CFGR1_SWS_MASK, CFGR1_SWS_PLL1)) {
            return (tml_clocks){TML_CLOCK_HZ, HSI_HZ};
        }
    }
    return (tml_clocks){TML_RESET_CLOCK_HZ, HSI_HZ};
}
