/* A stand-in for ST's HAL with what our port uses, written from its user manual. */
#ifndef STM32H7XX_HAL_H
#define STM32H7XX_HAL_H

#include <stdint.h>

#ifndef STM32H743xx
#error "the device macro of CubeMX is missing"
#endif

typedef enum {
    HAL_OK = 0x00,
    HAL_ERROR = 0x01,
    HAL_BUSY = 0x02,
    HAL_TIMEOUT = 0x03
} HAL_StatusTypeDef;

typedef struct { /* RM0433, USART registers */
    volatile uint32_t CR1, CR2, CR3, BRR, GTPR, RTOR, RQR, ISR, ICR, RDR, TDR;
} USART_TypeDef;

#define USART3 ((USART_TypeDef *)0x40004800u)
#define USART_CR1_ENABLE 0xDu /* UE, RE, TE */
#define USART_ISR_RXNE 0x20u
#define USART_ISR_TXE 0x80u

typedef struct {
    USART_TypeDef *Instance;
} UART_HandleTypeDef;

#define UART_CLEAR_OREF 0x8u
#define __HAL_UART_CLEAR_OREFLAG(__HANDLE__) ((__HANDLE__)->Instance->ICR = UART_CLEAR_OREF)

extern uint32_t SystemCoreClock;

HAL_StatusTypeDef HAL_UART_Transmit(UART_HandleTypeDef *huart, const uint8_t *pData, uint16_t Size,
                                    uint32_t Timeout);
HAL_StatusTypeDef HAL_UART_Receive(UART_HandleTypeDef *huart, uint8_t *pData, uint16_t Size,
                                   uint32_t Timeout);
uint32_t HAL_GetTick(void);
void HAL_NVIC_SystemReset(void);

#endif
