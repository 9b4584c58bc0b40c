/* tml_crc.c: see tml_crc.h. */
#include "tml_crc.h"

uint16_t tml_crc16_add(uint16_t crc, uint8_t byte)
{
    uint32_t rest = crc ^ ((uint32_t)byte << 8);
    for (int bit = 0; bit < 8; bit++) {
        rest = (rest << 1) ^ ((rest & 0x8000u) != 0 ? 0x1021u : 0u);
    }
    return (uint16_t)(rest & 0xFFFFu);
}

uint32_t tml_crc32_add(uint32_t crc, uint8_t byte)
{
    uint32_t rest = crc ^ byte;
    for (int bit = 0; bit < 8; bit++) {
        rest = (rest >> 1) ^ ((rest & 1u) != 0 ? 0xEDB88320u : 0u);
    }
    return rest;
}
