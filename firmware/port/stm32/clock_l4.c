/* clock_l4.c: STM32 L4+, PLL from the internal 16 MHz oscillator (1 % accurate), range 1 boost mode.
 *
 * The UART is fed with the 16 MHz directly, whatever the core runs at.
 * Source: RM0432 (STM32L4R5), PWR (boost mode), RCC (PLL), FLASH (wait states).
 */
#include "../port.h"

#define HSI_HZ 16000000u
#define RCC_CR 0x40021000u
#define CR_HSION (1u << 8)
#define CR_HSIRDY (1u << 10)
#define CR_PLLON (1u << 24)
#define CR_PLLRDY (1u << 25)
#define RCC_CFGR 0x40021008u
#define CFGR_SW_MASK 3u
#define CFGR_SW_PLL 3u
#define CFGR_SWS_MASK (3u << 2)
#define CFGR_SWS_PLL (3u << 2)
#define CFGR_HPRE_MASK (0xFu << 4)
#define CFGR_AHB_BY_2 (8u << 4)
#define RCC_PLLCFGR 0x4002100Cu
#define PLLCFGR_HSI 2u
#define PLLCFGR_REN (1u << 24)
#define RCC_APB1ENR1 0x40021058u
#define APB1ENR1_PWREN (1u << 28)
#define PWR_CR2 0x40007004u
#define CR2_IOSV (1u << 9) /* VDDIO2 is there: pins PG2 to PG15 */
#define PWR_CR5 0x40007080u
#define CR5_R1MODE (1u << 8) /* 0 is boost */
#define FLASH_ACR 0x40022000u

static bool start_pll(void)
{
    TML_REG(PWR_CR5) &= ~CR5_R1MODE;
    TML_REG(RCC_PLLCFGR) = PLLCFGR_HSI | ((TML_PLL_M - 1u) << 4) | (TML_PLL_N << 8)
        | ((TML_PLL_R / 2u - 1u) << 25) | PLLCFGR_REN;
    tml_set_bits(RCC_CR, CR_PLLON);
    return tml_wait(RCC_CR, CR_PLLRDY, CR_PLLRDY);
}

tml_clocks tml_clock_init(void)
{
    tml_set_bits(RCC_APB1ENR1, APB1ENR1_PWREN);
    (void)TML_REG(RCC_APB1ENR1);
    tml_set_bits(PWR_CR2, CR2_IOSV);
    tml_set_bits(RCC_CR, CR_HSION);
    if (tml_wait(RCC_CR, CR_HSIRDY, CR_HSIRDY) && start_pll()) {
        TML_REG(FLASH_ACR) = TML_FLASH_ACR;
        (void)tml_wait(FLASH_ACR, 0xFu, TML_FLASH_ACR & 0xFu);
        /* Above 80 MHz the AHB steps over half the frequency, for at least 1 us. */
        tml_set_field(RCC_CFGR, CFGR_HPRE_MASK | CFGR_SW_MASK, CFGR_AHB_BY_2 | CFGR_SW_PLL);
        const bool is_switched = tml_wait(RCC_CFGR, CFGR_SWS_MASK, CFGR_SWS_PLL);
        for (uint32_t turn = 0; turn < 64; turn++) {
            (void)TML_REG(RCC_CFGR);
        }
        tml_set_field(RCC_CFGR, CFGR_HPRE_MASK, 0);
        if (is_switched) {
            return (tml_clocks){TML_CLOCK_HZ, HSI_HZ};
        }
    }
    return (tml_clocks){TML_RESET_CLOCK_HZ, HSI_HZ};
}
