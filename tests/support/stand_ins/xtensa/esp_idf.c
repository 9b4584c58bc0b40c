/* esp_idf.c: as much of ESP-IDF as the project needs, on QEMU's Xtensa machine: UART 0 is the
 * host's stdin and stdout. */
#include <stddef.h>

#include "driver/uart.h"
#include "driver/usb_serial_jtag.h"
#include "esp_cpu.h"
#include "esp_rom_sys.h"
#include "esp_system.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"

#define HOST_EXIT 1
#define HOST_READ 3
#define HOST_WRITE 4
#define HOST_SELECT 29
#define SELECT_READ 1
#define IDLE_US 10000
#define IDLE_CYCLES 1000000u

int host_call(int number, int a, int b, int c);
uint32_t ccount(void);
void app_main(void);
void abort(void);
/* No second core: tml_both() runs all on this one. */
TaskHandle_t xTaskCreateStaticPinnedToCore(TaskFunction_t code, const char *const name,
                                           const uint32_t depth, void *const parameters,
                                           UBaseType_t priority, StackType_t *const stack,
                                           StaticTask_t *const memory, const BaseType_t core)
{
    (void)code, (void)name, (void)depth, (void)parameters, (void)priority, (void)stack;
    (void)memory, (void)core;
    return NULL;
}

UBaseType_t uxTaskPriorityGet(const TaskHandle_t which)
{
    (void)which;
    return 1;
}

BaseType_t xPortGetCoreID(void)
{
    return 1;
}

BaseType_t xTaskNotifyGive(TaskHandle_t which)
{
    (void)which;
    return pdPASS;
}

uint32_t ulTaskNotifyTake(BaseType_t is_cleared, TickType_t ticks)
{
    (void)is_cleared, (void)ticks;
    return 0;
}

SemaphoreHandle_t xSemaphoreCreateBinaryStatic(StaticSemaphore_t *memory)
{
    return (SemaphoreHandle_t)memory;
}

BaseType_t xSemaphoreGive(SemaphoreHandle_t which)
{
    (void)which;
    return pdPASS;
}

BaseType_t xSemaphoreTake(SemaphoreHandle_t which, TickType_t ticks)
{
    (void)which, (void)ticks;
    return pdPASS;
}

int main(void);

static TaskFunction_t task;

esp_err_t uart_driver_install(uart_port_t port, int rx, int tx, int queue_size,
                              QueueHandle_t *queue, int flags)
{
    (void)port, (void)rx, (void)tx, (void)queue_size, (void)queue, (void)flags;
    return ESP_OK;
}

esp_err_t uart_param_config(uart_port_t port, const uart_config_t *config)
{
    (void)port, (void)config;
    return ESP_OK;
}

esp_err_t uart_set_baudrate(uart_port_t port, uint32_t baud)
{
    (void)port, (void)baud;
    return ESP_OK;
}

esp_err_t uart_wait_tx_done(uart_port_t port, TickType_t ticks)
{
    (void)port, (void)ticks;
    return ESP_OK;
}

int uart_write_bytes(uart_port_t port, const void *source, size_t size)
{
    (void)port;
    return host_call(HOST_WRITE, 1, (int)(uintptr_t)source, (int)size);
}

/* Waits a little when it is asked again and again, unlike ESP-IDF's: then nothing else is to be done.
 * The end of the input ends the program. */
int uart_read_bytes(uart_port_t port, void *buffer, uint32_t length, TickType_t ticks)
{
    static uint32_t last_in_vain;
    (void)port, (void)ticks;
    const int32_t wait[2] = {0, ccount() - last_in_vain < IDLE_CYCLES ? IDLE_US : 0};
    if (host_call(HOST_SELECT, 0, SELECT_READ, (int)(uintptr_t)wait) <= 0) {
        last_in_vain = ccount();
        return 0;
    }
    const int count = host_call(HOST_READ, 0, (int)(uintptr_t)buffer, (int)length);
    if (count <= 0) {
        esp_restart();
    }
    return count;
}

esp_err_t usb_serial_jtag_driver_install(usb_serial_jtag_driver_config_t *config)
{
    (void)config;
    return ESP_OK;
}

int usb_serial_jtag_read_bytes(void *buffer, uint32_t length, TickType_t ticks)
{
    (void)buffer, (void)length, (void)ticks;
    return 0;
}

int usb_serial_jtag_write_bytes(const void *source, size_t size, TickType_t ticks)
{
    (void)source, (void)size, (void)ticks;
    return 0;
}

esp_cpu_cycle_count_t esp_cpu_get_cycle_count(void)
{
    return ccount();
}

uint32_t esp_rom_get_cpu_ticks_per_us(void)
{
    return 240;
}

int64_t esp_timer_get_time(void)
{
    return 0;
}

void esp_restart(void)
{
    for (;;) {
        (void)host_call(HOST_EXIT, 0, 0, 0);
    }
}

/* The compiler calls it for a trap. */
void abort(void)
{
    for (;;) {
        (void)host_call(HOST_EXIT, 97, 0, 0);
    }
}

BaseType_t xTaskCreatePinnedToCore(TaskFunction_t code, const char *const name,
                                   const uint32_t depth, void *const parameters,
                                   UBaseType_t priority, TaskHandle_t *const handle,
                                   const BaseType_t core)
{
    (void)name, (void)depth, (void)parameters, (void)priority, (void)handle, (void)core;
    task = code;
    return pdPASS;
}

void vTaskDelay(const TickType_t ticks)
{
    (void)ticks;
}

UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t which)
{
    (void)which;
    return 0;
}

int main(void)
{
    app_main();
    task(NULL);
    return 0;
}
