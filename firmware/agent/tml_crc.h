/* tml_crc.h: the two checksums of the serial protocol, bit by bit: no table, 60 bytes of code each. */
#ifndef TML_CRC_H
#define TML_CRC_H

#include <stdint.h>

#define TML_CRC16_START 0xFFFFu
#define TML_CRC32_START 0xFFFFFFFFu

/* CRC-16/CCITT-FALSE: polynomial 1021, start FFFF, most significant bit first. */
uint16_t tml_crc16_add(uint16_t crc, uint8_t byte);

/* CRC-32 as in zlib and ISO-HDLC, but for the last step: the checksum is the complement. */
uint32_t tml_crc32_add(uint32_t crc, uint8_t byte);

#endif
