/* tml_port.h: all that the agent needs from a board. One file per port implements it. */
#ifndef TML_PORT_H
#define TML_PORT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Clocks, pins, UART and cycle counter; called once before anything else. */
void tml_port_init(void);

/* Core clock cycles since an arbitrary start; wraps at 2^32. */
uint32_t tml_port_cycles(void);

/* Core clock in Hz, as really set up (a PLL that did not lock leaves the reset clock). */
uint32_t tml_port_clock_hz(void);

/* Next received byte, or -1 when there is none. Never waits. */
int tml_port_read(void);

/* Sends one byte; waits until the transmitter takes it, but not for ever. */
void tml_port_write(uint8_t byte);

/* Whether the serial port can be set to that rate. */
bool tml_port_has_baud(uint32_t baud);

/* Sends what is left at the old rate, then goes on at the new one, which the port has. */
void tml_port_set_baud(uint32_t baud);

/* Microseconds from reset until tml_port_init() was done; 0 when the port cannot tell. */
uint32_t tml_port_boot_us(void);

/* Starts the firmware anew, as after power-up. Returns only when the port cannot. */
void tml_port_reset(void);

/* Most bytes of the stack that were ever in use since boot; 0 when the port cannot tell. */
uint32_t tml_port_stack_used(void);

/* After each layer of a firmware that is built with TML_PAUSE: lets other tasks run now and then, where
 * an operating system would starve otherwise. Costs no more than a look at the cycle counter. */
void tml_port_pause(void);

#ifdef __cplusplus
}
#endif

#endif
