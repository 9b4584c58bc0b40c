/* tml_config.h: what the firmware needs to know of ST Nucleo-144 NUCLEO-L4R5ZI.
 *
 * Made by tinyml 0.1.0 from the data files of the board and of its chip, STM32L4R5ZI.
 */
#ifndef TML_CONFIG_H
#define TML_CONFIG_H

#define TML_BAUD 115200u
#define TML_CLOCK_HZ 120000000u
#define TML_RESET_CLOCK_HZ 4000000u
#define TML_STACK_BYTES 2048u
#define TML_AGENT_OUTPUT_BYTES 4u
#define TML_AGENT_LAYERS 2u
#define TML_AGENT_INPUTS 1u
#define TML_AGENT_FINGERPRINT "000000000000"

#endif
