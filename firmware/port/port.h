/* port.h: how the parts of a port meet. port.c calls them; one file provides each.
 *
 * All addresses and register values come from tml_config.h, which is generated from the chip's and the
 * board's data file.
 */
#ifndef TML_PORT_PARTS_H
#define TML_PORT_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "tml_config.h"
#include "tml_port.h"

#ifndef TML_REG /* a test has registers of its own */
#define TML_REG(address) (*(volatile uint32_t *)(uintptr_t)(address))
#endif

/* Turns of a polling loop before it gives up: at least 5 ms on any core that we know, and an image
 * still boots on an emulator that shows no status bits. */
#define TML_POLL_LIMIT 100000u

typedef struct {
    uint32_t core_hz;
    uint32_t uart_hz; /* what the UART's baud rate generator is fed with */
} tml_clocks;

/* Waits until the bits of `mask` read as `value`. Returns false when they never do. */
static inline bool tml_wait(uint32_t address, uint32_t mask, uint32_t value)
{
    for (uint32_t turn = 0; turn < TML_POLL_LIMIT; turn++) {
        if ((TML_REG(address) & mask) == value) {
            return true;
        }
    }
    return false;
}

static inline void tml_set_bits(uint32_t address, uint32_t bits)
{
    TML_REG(address) |= bits;
}

/* Replaces the bits of `mask` by `value`. */
static inline void tml_set_field(uint32_t address, uint32_t mask, uint32_t value)
{
    TML_REG(address) = (TML_REG(address) & ~mask) | value;
}

#ifdef __cplusplus
extern "C" {
#endif

/* The chip's clock tree: sets it up and says what came of it. */
tml_clocks tml_clock_init(void);

/* Powers and clocks the UART, connects its pins. */
void tml_pins_init(void);

/* What the baud rate register takes for that rate; 0 when it is out of reach or off by over 2 %. */
uint32_t tml_uart_divisor(uint32_t uart_hz, uint32_t baud);

/* 8 data bits, no parity. May be called again, once all is sent. */
void tml_uart_init(uint32_t divisor);

/* Waits until the last byte has left, but not for ever. */
void tml_uart_drain(void);

/* clock_hz * scale / baud, rounded; 0 when the rate would be off by over 2 %. `scale` is at most
 * 256. In 32 bits: a division of 64 bits by 64 would cost 400 bytes of library. */
static inline uint32_t tml_divide(uint32_t clock_hz, uint32_t scale, uint32_t baud)
{
    if (baud == 0 || baud >= 1u << 24 || clock_hz / baud >= UINT32_MAX / scale) {
        return 0;
    }
    const uint32_t rest = clock_hz % baud * scale + baud / 2u;
    const uint32_t over = rest % baud; /* baud / 2 when the rate is met exactly */
    const uint32_t error = over > baud / 2u ? over - baud / 2u : baud / 2u - over;
    const bool is_near = (50u * error + scale - 1u) / scale <= clock_hz;
    return is_near ? clock_hz / baud * scale + rest / baud : 0;
}

/* Starts the cycle counter. */
void tml_cycles_init(void);

#ifdef __cplusplus
}
#endif

#endif
