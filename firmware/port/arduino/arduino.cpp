/* arduino.cpp: the agent's port on Arduino: its serial line is Serial, USB on most boards.
 *
 * Cores and frameworks do the rest. Source: Arduino language reference (Serial, micros); CMSIS-Core
 * (SystemCoreClock, NVIC_SystemReset), which the cores for Arm boards bring along.
 */
#include <Arduino.h>

#include "../port.h"

/* USB sends a packet per write: what belongs together is sent together. */
#define PACKET_BYTES 64u

static uint8_t packet[PACKET_BYTES];
static size_t packet_bytes;
static uint32_t boot_us;

static void send_packet(void)
{
    if (Serial) { /* a line that nobody has open takes nothing, and must not stop the firmware */
        Serial.write(packet, packet_bytes);
    }
    packet_bytes = 0;
}

extern "C" {

void tml_port_init(void)
{
    Serial.begin(TML_BAUD);
    tml_cycles_init();
    boot_us = micros();
}

uint32_t tml_port_clock_hz(void)
{
    return SystemCoreClock;
}

int tml_port_read(void)
{
    return Serial.available() > 0 ? Serial.read() : -1;
}

void tml_port_write(uint8_t byte)
{
    packet[packet_bytes++] = byte;
    if (byte == '\n' || packet_bytes == PACKET_BYTES) {
        send_packet();
    }
}

bool tml_port_has_baud(uint32_t baud)
{
    (void)baud;
    return false; /* USB has no baud rate */
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
    NVIC_SystemReset();
}

uint32_t tml_port_stack_used(void)
{
    return 0; /* the core keeps no high-water mark */
}
}
