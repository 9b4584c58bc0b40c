/* serial.c: the agent's line on an Espressif chip: UART 0 and, where there is one, the USB port.
 *
 * Both listen; replies go where the last byte came from. So it does not matter which of a
 * board's two sockets the cable is in, and nobody waits for a USB host that is not there.
 */
#include "serial.h"

#include "driver/uart.h"
#include "freertos/FreeRTOS.h"
#include "sdkconfig.h"
#include "tml_config.h"

#define LINE UART_NUM_0
#define BUFFER_BYTES 512 /* more than a command and than the UART's own 128 bytes */
#define MIN_BAUD 300u
#define MAX_BAUD 3000000u /* what the usual USB bridges do */
#define DRAIN_TICKS pdMS_TO_TICKS(100)

static bool is_usb; /* the last byte came from there */

#if CONFIG_SOC_USB_SERIAL_JTAG_SUPPORTED
#include "driver/usb_serial_jtag.h"

/* Per byte: a host that stopped reading must not stop the model. */
#define USB_TICKS pdMS_TO_TICKS(20)

static void usb_init(void)
{
    usb_serial_jtag_driver_config_t config = USB_SERIAL_JTAG_DRIVER_CONFIG_DEFAULT();
    (void)usb_serial_jtag_driver_install(&config);
}

static bool usb_read(uint8_t *byte)
{
    return usb_serial_jtag_read_bytes(byte, 1, 0) == 1;
}

static void usb_write(uint8_t byte)
{
    (void)usb_serial_jtag_write_bytes(&byte, 1, USB_TICKS);
}
#else
static void usb_init(void)
{
}

static bool usb_read(uint8_t *byte)
{
    (void)byte;
    return false;
}

static void usb_write(uint8_t byte)
{
    (void)byte;
}
#endif

void tml_serial_init(void)
{
    const uart_config_t config = {
        .baud_rate = TML_BAUD,
        .data_bits = UART_DATA_8_BITS,
        .parity = UART_PARITY_DISABLE,
        .stop_bits = UART_STOP_BITS_1,
        .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
        .source_clk = UART_SCLK_DEFAULT,
    };
    (void)uart_driver_install(LINE, BUFFER_BYTES, 0, 0, NULL, 0);
    (void)uart_param_config(LINE, &config);
    usb_init();
}

int tml_port_read(void)
{
    uint8_t byte = 0;
    if (uart_read_bytes(LINE, &byte, 1, 0) == 1) {
        is_usb = false;
        return byte;
    }
    if (usb_read(&byte)) {
        is_usb = true;
        return byte;
    }
    return -1;
}

void tml_port_write(uint8_t byte)
{
    if (is_usb) {
        usb_write(byte);
    } else {
        (void)uart_write_bytes(LINE, &byte, 1);
    }
}

/* USB has no rate: any will do. */
bool tml_port_has_baud(uint32_t baud)
{
    return is_usb || (baud >= MIN_BAUD && baud <= MAX_BAUD);
}

void tml_port_set_baud(uint32_t baud)
{
    if (!is_usb) {
        (void)uart_wait_tx_done(LINE, DRAIN_TICKS);
        (void)uart_set_baudrate(LINE, baud);
    }
}
