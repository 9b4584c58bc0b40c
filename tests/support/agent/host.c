/* host.c: a board made of stdin, stdout and a clock that only jumps. */
#include <stdio.h>

#include "agent/tml_agent.h"
#include "fake_model.h"
#include "tml_port.h"

static uint32_t clock_now;
static bool is_at_end;

void fake_work(uint32_t cycles)
{
    clock_now += cycles;
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
    const int byte = getchar();
    is_at_end = byte == EOF;
    return is_at_end ? -1 : byte;
}

void tml_port_write(uint8_t byte)
{
    (void)putchar(byte);
}

bool tml_port_has_baud(uint32_t baud)
{
    return baud <= 1000000;
}

/* The replies show which rate they come at. */
void tml_port_set_baud(uint32_t baud)
{
    printf("(%u baud)\r\n", (unsigned)baud);
}

uint32_t tml_port_boot_us(void)
{
    return 77;
}

void tml_port_reset(void)
{
}

uint32_t tml_port_stack_used(void)
{
    return 321;
}

int main(void)
{
    tml_agent_start(&fake_model);
    while (!is_at_end) {
        tml_agent_poll();
    }
    return 0;
}
