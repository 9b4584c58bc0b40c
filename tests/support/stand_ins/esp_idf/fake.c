/* fake.c: as much of ESP-IDF as the project needs, on a PC: UART 0 is stdin and stdout.
 *
 * A byte 0x01 on stdin moves what follows to the USB port, 0x02 back to the UART; what is sent
 * through USB comes out between '<' and '>'. The end of the input ends the program.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "driver/uart.h"
#include "driver/usb_serial_jtag.h"
#include "esp_cpu.h"
#include "esp_rom_sys.h"
#include "esp_system.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#define MHZ 240u

void app_main(void);

static bool is_usb_next;
static int ahead = EOF;
static uint32_t cycles;
static unsigned int delays;
static TaskFunction_t task;
static uint32_t stack_bytes;

static int next(bool is_usb)
{
    while (ahead == EOF) {
        ahead = getchar();
        if (ahead == EOF) {
            printf("\n[%u delays]", delays);
            exit(EXIT_SUCCESS);
        }
        if (ahead == 1 || ahead == 2) {
            is_usb_next = ahead == 1;
            ahead = EOF;
        }
    }
    if (is_usb_next != is_usb) {
        return EOF;
    }
    const int byte = ahead;
    ahead = EOF;
    return byte;
}

static int read_byte(bool is_usb, void *buffer)
{
    const int byte = next(is_usb);
    *(uint8_t *)buffer = (uint8_t)byte;
    return byte == EOF ? 0 : 1;
}

esp_err_t uart_driver_install(uart_port_t port, int rx, int tx, int queue_size,
                              QueueHandle_t *queue, int flags)
{
    const bool is_good = port == UART_NUM_0 && rx > 128 && tx == 0 && queue_size == 0;
    return is_good && queue == NULL && flags == 0 ? ESP_OK : ESP_FAIL;
}

esp_err_t uart_param_config(uart_port_t port, const uart_config_t *config)
{
    (void)port;
    printf("[uart %d 8N1]\n", config->baud_rate);
    return ESP_OK;
}

esp_err_t uart_set_baudrate(uart_port_t port, uint32_t baud)
{
    (void)port;
    printf("[uart %u]\n", (unsigned int)baud);
    return ESP_OK;
}

esp_err_t uart_wait_tx_done(uart_port_t port, TickType_t ticks)
{
    (void)port;
    return ticks > 0 ? ESP_OK : ESP_FAIL;
}

int uart_write_bytes(uart_port_t port, const void *source, size_t size)
{
    (void)port;
    return (int)fwrite(source, 1, size, stdout);
}

int uart_read_bytes(uart_port_t port, void *buffer, uint32_t length, TickType_t ticks)
{
    (void)port;
    return length == 1 && ticks == 0 ? read_byte(false, buffer) : -1;
}

esp_err_t usb_serial_jtag_driver_install(usb_serial_jtag_driver_config_t *config)
{
    return config->rx_buffer_size > 0 && config->tx_buffer_size > 0 ? ESP_OK : ESP_FAIL;
}

int usb_serial_jtag_read_bytes(void *buffer, uint32_t length, TickType_t ticks)
{
    return length == 1 && ticks == 0 ? read_byte(true, buffer) : -1;
}

int usb_serial_jtag_write_bytes(const void *source, size_t size, TickType_t ticks)
{
    (void)ticks;
    printf("<%.*s>", (int)size, (const char *)source);
    return (int)size;
}

esp_cpu_cycle_count_t esp_cpu_get_cycle_count(void)
{
    cycles += 30u * 1000000u; /* an eighth of a second since the last look */
    return cycles;
}

uint32_t esp_rom_get_cpu_ticks_per_us(void)
{
    return MHZ;
}

int64_t esp_timer_get_time(void)
{
    return 1234;
}

void esp_restart(void)
{
    printf("[restart]\n");
    exit(EXIT_SUCCESS);
}

BaseType_t xTaskCreatePinnedToCore(TaskFunction_t code, const char *const name,
                                   const uint32_t depth, void *const parameters,
                                   UBaseType_t priority, TaskHandle_t *const handle,
                                   const BaseType_t core)
{
    (void)parameters;
    (void)handle;
    printf("[task %s %u %u %d]\n", name, (unsigned int)depth, priority, core);
    stack_bytes = depth;
    task = code;
    return pdPASS;
}

void vTaskDelay(const TickType_t ticks)
{
    delays += ticks;
}

UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t which)
{
    return which == NULL ? stack_bytes - 1000u : 0u;
}

int main(void)
{
    app_main();
    task(NULL);
    return EXIT_FAILURE;
}
