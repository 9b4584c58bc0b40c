/* cubemx.c: the agent's port on ST's HAL, in a project made by STM32CubeMX.
 *
 * CubeMX's code owns clocks, pins and the UART: call this after its MX_..._Init() functions.
 * Source: HAL drivers' user manuals (UART, generic functions), CMSIS-Core.
 */
#include "main.h" /* of CubeMX: the HAL of the chip */

#include "../port.h"

#define SEND_TIMEOUT_MS 10u
#define US_PER_MS 1000u

extern UART_HandleTypeDef TML_HAL_UART; /* the handle that CubeMX made, such as huart3 */

static uint32_t boot_us;

void tml_port_init(void)
{
    tml_cycles_init();
    const uint32_t ms = HAL_GetTick();
    boot_us = ms <= UINT32_MAX / US_PER_MS ? ms * US_PER_MS : 0; /* after an hour it is no boot */
}

uint32_t tml_port_clock_hz(void)
{
    return SystemCoreClock;
}

int tml_port_read(void)
{
    uint8_t byte;
    __HAL_UART_CLEAR_OREFLAG(&TML_HAL_UART); /* bytes that came during an inference are lost */
    return HAL_UART_Receive(&TML_HAL_UART, &byte, 1, 0) == HAL_OK ? byte : -1;
}

void tml_port_write(uint8_t byte)
{
    (void)HAL_UART_Transmit(&TML_HAL_UART, &byte, 1, SEND_TIMEOUT_MS);
}

bool tml_port_has_baud(uint32_t baud)
{
    (void)baud;
    return false; /* CubeMX's settings stay as they are */
}

void tml_port_set_baud(uint32_t baud)
{
    (void)baud;
}

uint32_t tml_port_boot_us(void)
{
    return boot_us;
}

void tml_port_reset(void)
{
    HAL_NVIC_SystemReset();
}

uint32_t tml_port_stack_used(void)
{
    return 0; /* CubeMX's start-up code leaves no mark */
}
