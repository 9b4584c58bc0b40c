/* host.c: a board made of stdin, stdout and a clock that only jumps.
 *
 * Its arguments: the clock in Hz, cycles that have passed, by what the model's work is multiplied.
 */
#include <stdio.h>
#include <stdlib.h>

#include "agent/tml_agent.h"
#include "agent/tml_session.h"
#include "fake_model.h"
#include "tml_port.h"

static uint32_t clock_now;
static uint32_t clock_hz = 3000000;
static uint32_t work = 1;
static bool is_at_end;

void fake_work(uint32_t cycles)
{
    clock_now += cycles * work;
}

uint32_t tml_port_cycles(void)
{
    return clock_now;
}

uint32_t tml_port_clock_hz(void)
{
    return clock_hz;
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

int main(int count, char **arguments)
{
    tml_agent_start(&fake_model);
    if (count > 3) {
        clock_hz = (uint32_t)strtoul(arguments[1], NULL, 10);
        work = (uint32_t)strtoul(arguments[3], NULL, 10);
        uint64_t rest = strtoull(arguments[2], NULL, 10);
        while (rest > 0) { /* as the loop of a firmware does in all that time */
            const uint32_t step = rest < UINT32_MAX ? (uint32_t)rest : UINT32_MAX;
            clock_now += step;
            rest -= step;
            (void)tml_session_cycles();
        }
    }
    while (!is_at_end) {
        tml_agent_poll();
    }
    return 0;
}
