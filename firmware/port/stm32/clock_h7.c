/* clock_h7.c: STM32 H742 to H757, PLL1 from the internal 64 MHz oscillator (1 % accurate).
 *
 * The UART is fed with the 64 MHz directly, whatever the core runs at. Where a boot loader chose the
 * core's supply (TML_PWR_SUPPLY undefined), it stays: the choice can be written only once.
 * Source: RM0433 (STM32H743), PWR (voltage scaling), RCC (PLLs), FLASH (wait states).
 */
#include "../port.h"

#define HSI_HZ 64000000u
#define RCC 0x58024400u
#define RCC_CR (RCC + 0x00u)
#define CR_HSION (1u << 0)
#define CR_HSIKERON (1u << 1)
#define CR_HSIRDY (1u << 2)
#define CR_HSIDIV_MASK (3u << 3)
#define CR_PLL1ON (1u << 24)
#define CR_PLL1RDY (1u << 25)
#define RCC_CFGR (RCC + 0x10u)
#define CFGR_SW_MASK 7u
#define CFGR_SW_PLL1 3u
#define CFGR_SWS_MASK (7u << 3)
#define CFGR_SWS_PLL1 (3u << 3)
#define RCC_D1CFGR (RCC + 0x18u)
#define D1CFGR_AHB_BY_2 0x48u /* AHB = core / 2, APB3 = AHB / 2 */
#define RCC_D2CFGR (RCC + 0x1Cu)
#define D2CFGR_APB_BY_2 0x440u
#define RCC_D3CFGR (RCC + 0x20u)
#define D3CFGR_APB_BY_2 0x40u
#define RCC_PLLCKSELR (RCC + 0x28u)
#define RCC_PLLCFGR (RCC + 0x2Cu)
#define PLLCFGR_PLL1_MASK 0xFu
#define PLLCFGR_PLL1_4_TO_8_MHZ (2u << 2) /* wide VCO, 192 to 960 MHz */
#define PLLCFGR_DIVP1EN (1u << 16)
#define RCC_PLL1DIVR (RCC + 0x30u)
#define RCC_APB4ENR (RCC + 0xF4u)
#define APB4ENR_SYSCFGEN (1u << 1)
#define PWR_CSR1 0x58024804u
#define CSR1_ACTVOSRDY (1u << 13)
#define PWR_CR3 0x5802480Cu
#define CR3_SUPPLY_MASK 7u
#define PWR_D3CR 0x58024818u
#define D3CR_VOSRDY (1u << 13)
#define D3CR_VOS_1 (3u << 14)
#define SYSCFG_PWRCR 0x5800042Cu
#define PWRCR_ODEN 1u
#define FLASH_ACR 0x52002000u

/* The core voltage for the full clock. Returns false when it does not come. */
static bool raise_voltage(void)
{
#ifdef TML_PWR_SUPPLY
    tml_set_field(PWR_CR3, CR3_SUPPLY_MASK, TML_PWR_SUPPLY);
    if (!tml_wait(PWR_CSR1, CSR1_ACTVOSRDY, CSR1_ACTVOSRDY)) {
        return false;
    }
#endif
    tml_set_bits(PWR_D3CR, D3CR_VOS_1);
    if (!tml_wait(PWR_D3CR, D3CR_VOSRDY, D3CR_VOSRDY)) {
        return false;
    }
#if TML_PWR_OVERDRIVE
    tml_set_bits(RCC_APB4ENR, APB4ENR_SYSCFGEN);
    (void)TML_REG(RCC_APB4ENR);
    tml_set_bits(SYSCFG_PWRCR, PWRCR_ODEN); /* scale 1 becomes scale 0 */
    return tml_wait(PWR_D3CR, D3CR_VOSRDY, D3CR_VOSRDY);
#else
    return true;
#endif
}

/* Back to 64 MHz: a boot loader may run from the PLL. */
static bool use_hsi(void)
{
    TML_REG(RCC_CR) = (TML_REG(RCC_CR) & ~CR_HSIDIV_MASK) | CR_HSION | CR_HSIKERON;
    if (!tml_wait(RCC_CR, CR_HSIRDY, CR_HSIRDY)) {
        return false;
    }
    tml_set_field(RCC_CFGR, CFGR_SW_MASK, 0);
    (void)tml_wait(RCC_CFGR, CFGR_SWS_MASK, 0);
    TML_REG(RCC_CR) &= ~CR_PLL1ON;
    return true;
}

static bool start_pll(void)
{
    TML_REG(RCC_PLLCKSELR) = TML_PLL_M << 4; /* source: HSI; the other PLLs stay off */
    tml_set_field(RCC_PLLCFGR, PLLCFGR_PLL1_MASK, PLLCFGR_PLL1_4_TO_8_MHZ);
    tml_set_bits(RCC_PLLCFGR, PLLCFGR_DIVP1EN);
    TML_REG(RCC_PLL1DIVR) = (TML_PLL_N - 1u) | ((TML_PLL_P - 1u) << 9) | (1u << 16) | (1u << 24);
    tml_set_bits(RCC_CR, CR_PLL1ON);
    return tml_wait(RCC_CR, CR_PLL1RDY, CR_PLL1RDY);
}

tml_clocks tml_clock_init(void)
{
    if (use_hsi() && raise_voltage() && start_pll()) {
        TML_REG(FLASH_ACR) = TML_FLASH_ACR;
        (void)tml_wait(FLASH_ACR, 0xFu, TML_FLASH_ACR & 0xFu);
        TML_REG(RCC_D1CFGR) = D1CFGR_AHB_BY_2;
        TML_REG(RCC_D2CFGR) = D2CFGR_APB_BY_2;
        TML_REG(RCC_D3CFGR) = D3CFGR_APB_BY_2;
        tml_set_field(RCC_CFGR, CFGR_SW_MASK, CFGR_SW_PLL1);
        if (tml_wait(RCC_CFGR, CFGR_SWS_MASK, CFGR_SWS_PLL1)) {
            return (tml_clocks){TML_CLOCK_HZ, HSI_HZ};
        }
    }
    return (tml_clocks){TML_RESET_CLOCK_HZ, HSI_HZ};
}
