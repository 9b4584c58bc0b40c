/* esp_idf.c: tml_port.h on ESP-IDF 5.1 and later, all but the serial line.
 *
 * The cycle counter belongs to a core: the task that runs the model must stay on one.
 * Source: ESP-IDF Programming Guide: FreeRTOS, ESP Timer, Watchdogs; esp_cpu.h, esp_rom_sys.h.
 */
#include "esp_cpu.h"
#include "esp_rom_sys.h"
#include "esp_system.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "serial.h"
#include "tml_config.h"
#include "tml_port.h"

#define HZ_PER_MHZ 1000000u

static uint32_t boot_us;
static uint32_t last_pause;

void tml_port_init(void)
{
    tml_serial_init();
    boot_us = (uint32_t)esp_timer_get_time();
    last_pause = tml_port_cycles();
}

uint32_t tml_port_cycles(void)
{
    return esp_cpu_get_cycle_count();
}

uint32_t tml_port_clock_hz(void)
{
    return esp_rom_get_cpu_ticks_per_us() * HZ_PER_MHZ;
}

/* Since the timer was started, shortly after the boot loader: the chip does not tell more. */
uint32_t tml_port_boot_us(void)
{
    return boot_us;
}

void tml_port_reset(void)
{
    esp_restart();
}

/* ESP-IDF counts stacks in bytes; TML_STACK_BYTES is what the task was made with, unless an
 * application runs the agent on another one. */
uint32_t tml_port_stack_used(void)
{
    const uint32_t unused = uxTaskGetStackHighWaterMark(NULL);
    return unused <= TML_STACK_BYTES ? TML_STACK_BYTES - unused : 0;
}

/* A tick of sleep per second of work lets the idle task run, which the watchdog waits for. */
void tml_port_pause(void)
{
    if (tml_port_cycles() - last_pause >= TML_CLOCK_HZ) {
        vTaskDelay(1);
        last_pause = tml_port_cycles();
    }
}
