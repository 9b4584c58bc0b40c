/* host.c: a firmware as a program on a PC: the serial port is stdin and stdout, a cycle a nanosecond.
 *
 * The whole port in one file; `tinyml simulate --simulator host` compiles it instead of the board's.
 */
#define _POSIX_C_SOURCE 199309L

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tml_port.h"

#define IDLE_MS 10
#define NS_PER_MS 1000000

static uint8_t received[4096];
static size_t received_bytes;
static size_t taken_bytes;

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* no clock that somebody sets */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void tml_port_init(void)
{
}

uint32_t tml_port_cycles(void)
{
    return (uint32_t)now_ns();
}

uint32_t tml_port_clock_hz(void)
{
    return 1000000000u;
}

/* Waits a little when it is asked again and again: then there is nothing else to do. The end of the
 * input ends the program. */
int tml_port_read(void)
{
    static int64_t last_in_vain;
    if (taken_bytes < received_bytes) {
        return received[taken_bytes++];
    }
    (void)fflush(stdout);
    const bool is_idle = now_ns() - last_in_vain < 2 * IDLE_MS * NS_PER_MS;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&input, 1, is_idle ? IDLE_MS : 0) <= 0) {
        last_in_vain = now_ns();
        return -1;
    }
    const ssize_t count = read(STDIN_FILENO, received, sizeof received);
    if (count <= 0) {
        exit(EXIT_SUCCESS);
    }
    received_bytes = (size_t)count;
    taken_bytes = 1;
    return received[0];
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
