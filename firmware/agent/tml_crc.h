/* tml_crc.h: the two checksums of the serial protocol, bit by bit: no table, 60 bytes of code each. */
#ifndef TML_CRC_H
#define TML_CRC_H

#include <stdint.h>

#define TML_CRC16_START 0xFFFFu

/* CRC-16/CCITT-FALSE: polynomial 1021, start FFFF, most significant bit first. */
uint16_t tml_crc16_add(uint16_t crc, uint8_t byte);

/* CRC-32 as in zlib and ISO-HDLC, of the whole buffer. */
uint32_t tml_crc32(const uint8_t *data, uint32_t count);

#endif
