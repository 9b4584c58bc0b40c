#include "main.h"
/* USER CODE BEGIN Includes */
/* USER CODE END Includes */

UART_HandleTypeDef huart3 = {USART3};

int main(void)
{
    huart3.Instance->BRR = SystemCoreClock / 115200u;
    huart3.Instance->CR1 = USART_CR1_ENABLE;
    /* USER CODE BEGIN 2 */
    /* USER CODE END 2 */
    while (1) {
        /* USER CODE BEGIN 3 */
    }
    /* USER CODE END 3 */
}
