/* Tells what it finds at start, then sends back every byte plus one, until 'q'. */
#include "start.h"

#if UART_KIND == 1 /* stm32_v1 */
#define ENABLE() (REG(UART + 0x0C) = 0x200C)
#define CAN_READ() (REG(UART) & 0x20)
#define READ() REG(UART + 4)
#define WRITE(c) \
    do { \
        while (!(REG(UART) & 0x80)) { \
        } \
        REG(UART + 4) = (c); \
    } while (0)
#elif UART_KIND == 2 /* stm32_v2 */
#define ENABLE() (REG(UART) = 0x0D)
#define CAN_READ() (REG(UART + 0x1C) & 0x20)
#define READ() REG(UART + 0x24)
#define WRITE(c) \
    do { \
        while (!(REG(UART + 0x1C) & 0x80)) { \
        } \
        REG(UART + 0x28) = (c); \
    } while (0)
#elif UART_KIND == 3 /* nrf52 */
#define ENABLE() (REG(UART + 0x500) = 4, REG(UART) = 1, REG(UART + 8) = 1)
#define CAN_READ() (REG(UART + 0x108) ? (REG(UART + 0x108) = 0, 1) : 0)
#define READ() REG(UART + 0x518)
#define WRITE(c) \
    do { \
        REG(UART + 0x11C) = 0; \
        REG(UART + 0x51C) = (c); \
        while (!REG(UART + 0x11C)) { \
        } \
    } while (0)
#else /* pl011 */
#define ENABLE() (REG(UART + 0x30) = 0x301)
#define CAN_READ() (!(REG(UART + 0x18) & 0x10))
#define READ() REG(UART)
#define WRITE(c) \
    do { \
        while (REG(UART + 0x18) & 0x20) { \
        } \
        REG(UART) = (c); \
    } while (0)
#endif

static uint32_t initialised = 0x11223344;
static uint32_t zeroed;

static void test_main(void)
{
    WRITE('x'); /* lost: not enabled yet */
    ENABLE();
    WRITE(initialised == 0x11223344 && zeroed == 0 ? '+' : '-');
    WRITE((uint8_t)REG(0x20002000));
    for (uint8_t byte = 0; byte != 'q';) {
        if (CAN_READ()) {
            byte = (uint8_t)READ();
            WRITE((uint8_t)(byte + 1));
        }
    }
}
