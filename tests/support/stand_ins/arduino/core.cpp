/* core.cpp: the least of an Arduino core: Serial is USART1 of an STM32H7 (RM0399), polled. */
#include "Arduino.h"

struct Usart {
    volatile uint32_t CR1, CR2, CR3, BRR, GTPR, RTOR, RQR, ISR, ICR, RDR, TDR;
};
static Usart *const usart = reinterpret_cast<Usart *>(0x40011000u);

uint32_t SystemCoreClock = 64000000;
HardwareSerial Serial;

void NVIC_SystemReset(void)
{
    for (;;) {
    }
}

unsigned long micros(void)
{
    return 1;
}

size_t Print::write(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        write(bytes[i]);
    }
    return count;
}

void HardwareSerial::begin(unsigned long baud)
{
    usart->BRR = SystemCoreClock / baud;
    usart->CR1 = 0xD; /* UE, RE, TE */
}

int HardwareSerial::available(void)
{
    return (usart->ISR >> 5) & 1; /* RXNE */
}

int HardwareSerial::read(void)
{
    return usart->RDR & 0xFF;
}

size_t HardwareSerial::write(uint8_t byte)
{
    while ((usart->ISR & 0x80) == 0) { /* TXE */
    }
    usart->TDR = byte;
    return 1;
}

HardwareSerial::operator bool(void)
{
    return true;
}

extern "C" void __cxa_pure_virtual(void)
{
    for (;;) {
    }
}

extern "C" void __libc_init_array(void);
extern "C" void _init(void)
{
}

int main(void)
{
    __libc_init_array(); /* the vtable of Serial */
    setup();
    for (;;) {
        loop();
    }
}
