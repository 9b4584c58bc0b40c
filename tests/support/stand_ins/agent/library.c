/* library.c: a board as a shared library; loading it anew is its reset. */
#include <stdlib.h>

#include "agent/tml_agent.h"
#include "fake_model.h"
#include "tml_port.h"

#define READ_CYCLES 100 /* that looking for a byte takes */

void board_start(void);
int board_feed(const uint8_t *bytes, size_t count);
const uint8_t *board_take(size_t *count);

static uint32_t clock_now;
static const uint8_t *next;
static size_t left;
static uint8_t said[1u << 16];
static size_t said_bytes;
static bool is_reset;
static bool has_worked;

void fake_work(uint32_t cycles)
{
    clock_now += cycles;
    has_worked = true;
}

uint32_t tml_port_cycles(void)
{
    return clock_now;
}

uint32_t tml_port_clock_hz(void)
{
    return 3000000;
}

int tml_port_read(void)
{
    clock_now += READ_CYCLES;
    if (left == 0 || is_reset) {
        return -1;
    }
    left--;
    return *next++;
}

void tml_port_write(uint8_t byte)
{
    if (said_bytes < sizeof said && !is_reset) {
        said[said_bytes++] = byte;
    }
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
    return 77;
}

void tml_port_reset(void)
{
    is_reset = true;
}

/* A reset shows in it, as on a board. */
uint32_t tml_port_stack_used(void)
{
    return has_worked ? 321 : 123;
}

void board_start(void)
{
    tml_agent_start(&fake_model);
}

/* Whether the board resets itself now. */
int board_feed(const uint8_t *bytes, size_t count)
{
    next = bytes;
    left = count;
    while (left > 0 && !is_reset) {
        tml_agent_poll();
    }
    return is_reset;
}

/* What was said since the last time; to be used before the next call. */
const uint8_t *board_take(size_t *count)
{
    *count = said_bytes;
    said_bytes = 0;
    return said;
}
