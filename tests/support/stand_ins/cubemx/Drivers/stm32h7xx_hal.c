#include "stm32h7xx_hal.h"

uint32_t SystemCoreClock = 64000000;

HAL_StatusTypeDef HAL_UART_Transmit(UART_HandleTypeDef *huart, const uint8_t *pData, uint16_t Size,
                                    uint32_t Timeout)
{
    (void)Timeout;
    for (uint16_t i = 0; i < Size; i++) {
        while ((huart->Instance->ISR & USART_ISR_TXE) == 0) {
        }
        huart->Instance->TDR = pData[i];
    }
    return HAL_OK;
}

HAL_StatusTypeDef HAL_UART_Receive(UART_HandleTypeDef *huart, uint8_t *pData, uint16_t Size,
                                   uint32_t Timeout)
{
    (void)Size;
    (void)Timeout;
    if ((huart->Instance->ISR & USART_ISR_RXNE) == 0) {
        return HAL_TIMEOUT;
    }
    *pData = (uint8_t)huart->Instance->RDR;
    return HAL_OK;
}

uint32_t HAL_GetTick(void)
{
    return 1;
}

void HAL_NVIC_SystemReset(void)
{
    for (;;) {
    }
}
