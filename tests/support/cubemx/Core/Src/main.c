#include "main.h"
/* USER CODE BEGIN Includes */
/* USER CODE END Includes */

UART_HandleTypeDef huart3 = {(USART_TypeDef *)0x40004800};

int main(void)
{
    /* USER CODE BEGIN 2 */
    /* USER CODE END 2 */
    while (1) {
        /* USER CODE BEGIN 3 */
    }
    /* USER CODE END 3 */
}
