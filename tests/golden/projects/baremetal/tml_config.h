/* tml_config.h: what the firmware needs to know of ST Nucleo-64 NUCLEO-F446RE.
 *
 * Made by tinyml 0.1.0 from the data files of the board and of its chip, STM32F446RE.
 */
#ifndef TML_CONFIG_H
#define TML_CONFIG_H

#define TML_BAUD 115200u
#define TML_CLOCK_HZ 180000000u
#define TML_RESET_CLOCK_HZ 16000000u
#define TML_STACK_BYTES 2048u
#define TML_UART_BASE 0x40004400u
#define TML_UART_POWER 0x40023840u
#define TML_UART_POWER_BITS 0x00020000u
#define TML_UART_DIVIDER 4u
#define TML_GPIO_BASE 0x40020000u
#define TML_GPIO_POWER 0x40023830u
#define TML_PLL_M 8u
#define TML_PLL_N 180u
#define TML_PLL_P 2u
#define TML_PWR_VOS 0x0000C000u
#define TML_PWR_OVERDRIVE 1u
#define TML_FLASH_ACR 0x00000705u
#define TML_TX_PORT 0u
#define TML_TX_PIN 2u
#define TML_TX_FUNCTION 7u
#define TML_RX_PORT 0u
#define TML_RX_PIN 3u
#define TML_RX_FUNCTION 7u
#define TML_AGENT_OUTPUT_BYTES 4u
#define TML_AGENT_LAYERS 2u
#define TML_AGENT_INPUTS 1u
#define TML_AGENT_FINGERPRINT "000000000000"

#endif
