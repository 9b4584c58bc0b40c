/* Arduino.h: a stand-in with what our files use, written from the Arduino language reference and
 * CMSIS-Core. Declarations only: nothing is linked. */
#ifndef ARDUINO_STAND_IN_H
#define ARDUINO_STAND_IN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif
extern uint32_t SystemCoreClock;
void NVIC_SystemReset(void);
unsigned long micros(void);
unsigned long millis(void);
void delay(unsigned long ms);
#ifdef __cplusplus
}

class Print {
public:
    virtual size_t write(uint8_t byte) = 0;
    virtual size_t write(const uint8_t *bytes, size_t count);
    size_t print(const char text[]);
    size_t print(int value, int base = 10);
    size_t print(unsigned long value, int base = 10);
    size_t print(double value, int digits = 2);
    size_t println(const char text[]);
    size_t println(int value, int base = 10);
    size_t println(void);
};

class HardwareSerial : public Print {
public:
    void begin(unsigned long baud);
    int available(void);
    int read(void);
    size_t write(uint8_t byte) override;
    using Print::write;
    operator bool(void);
};
extern HardwareSerial Serial;

void setup(void);
void loop(void);
#endif
#endif
