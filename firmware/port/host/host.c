/* host.c: a firmware as a program on a PC: the serial port is stdin and stdout, a cycle a nanosecond.
 *
 * The whole port in one file; `tinyml simulate --simulator host` compiles it instead of the board's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tml_port.h"

void tml_port_init(void)
{
}

uint32_t tml_port_cycles(void)
{
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    return (uint32_t)((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}

uint32_t tml_port_clock_hz(void)
{
    return 1000000000u;
}

/* Waits, unlike on a board: there is nothing else to do. The end of the input ends the program. */
int tml_port_read(void)
{
    (void)fflush(stdout);
    const int byte = getchar();
    if (byte == EOF) {
        exit(EXIT_SUCCESS);
    }
    return byte;
}

void tml_port_write(uint8_t byte)
{
    (void)putchar(byte);
}

bool tml_port_has_baud(uint32_t baud)
{
    (void)baud;
    return false;
}

void tml_port_set_baud(uint32_t baud)
{
    (void)baud;
}

uint32_t tml_port_boot_us(void)
{
    return 0; /* cannot tell */
}

void tml_port_reset(void)
{
}

uint32_t tml_port_stack_used(void)
{
    return 0; /* cannot tell */
}
