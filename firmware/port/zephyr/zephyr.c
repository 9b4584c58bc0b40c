/* zephyr.c: the agent's port on Zephyr: the console's UART, polled, and the timing functions.
 *
 * A "cycle" is a tick of the counter that timing_counter_get() reads: of the core where it has one.
 * Source: Zephyr documentation: UART (polling API), Timing Functions, Threads, sys_reboot.
 */
#include <zephyr/device.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/reboot.h>
#include <zephyr/timing/timing.h>

#include "tml_config.h"
#include "tml_port.h"

#define US_PER_MS 1000u

static const struct device *const line = DEVICE_DT_GET(DT_CHOSEN(zephyr_console));
static uint32_t boot_us;

void tml_port_init(void)
{
    timing_init();
    timing_start();
    const uint32_t ms = k_uptime_get_32();
    boot_us = ms <= UINT32_MAX / US_PER_MS ? ms * US_PER_MS : 0; /* after an hour it is no boot */
}

uint32_t tml_port_cycles(void)
{
    return (uint32_t)timing_counter_get();
}

uint32_t tml_port_clock_hz(void)
{
    return (uint32_t)timing_freq_get();
}

int tml_port_read(void)
{
    unsigned char byte;
    return uart_poll_in(line, &byte) == 0 ? byte : -1;
}

void tml_port_write(uint8_t byte)
{
    uart_poll_out(line, byte);
}

bool tml_port_has_baud(uint32_t baud)
{
    (void)baud;
    return false; /* the devicetree's setting stays */
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
    sys_reboot(SYS_REBOOT_COLD);
}

/* Of the thread that asks, whose stack has TML_STACK_BYTES: prj.conf says so for main. */
uint32_t tml_port_stack_used(void)
{
    size_t unused = 0;
    return k_thread_stack_space_get(k_current_get(), &unused) == 0 && unused <= TML_STACK_BYTES
        ? TML_STACK_BYTES - (uint32_t)unused
        : 0;
}
