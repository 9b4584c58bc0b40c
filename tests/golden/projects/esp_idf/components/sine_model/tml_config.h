/* tml_config.h: what the firmware needs to know of Espressif ESP32-S3-DevKitC-1 (N8R8).
 *
 * Made by tinyml 0.1.0 from the data files of the board and of its chip, ESP32-S3 with 8 MB flash and 8 MB octal PSRAM.
 */
#ifndef TML_CONFIG_H
#define TML_CONFIG_H

#define TML_BAUD 115200u
#define TML_CLOCK_HZ 240000000u
#define TML_RESET_CLOCK_HZ 20000000u
#define TML_STACK_BYTES 3584u
#define TML_AGENT_OUTPUT_BYTES 4u
#define TML_AGENT_LAYERS 2u
#define TML_AGENT_INPUTS 1u
#define TML_AGENT_FINGERPRINT "000000000000"

#endif
