/* serial.h: what esp_idf.c asks of serial.c besides tml_port.h. */
#ifndef TML_ESP_SERIAL_H
#define TML_ESP_SERIAL_H

#include "tml_port.h"

/* Takes the serial ports from the console's simple driver; once, from the task that will read
 * them. */
void tml_serial_init(void);

#endif
