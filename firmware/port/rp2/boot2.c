/* boot2.c: second boot stage of an RP2040: 256 bytes that switch execution from flash on.
 *
 * The boot ROM copies them to RAM, checks the last word (CRC-32 of the 252 bytes before: polynomial
 * 04C11DB7, start value FFFFFFFF, not reflected) and calls them. Read command 03h works with every
 * flash chip; at a quarter of the core clock, one bit wide. What the words say:
 *
 *        ldr  r3, =0x18000000      SSI                  The serial flash interface off,
 *        movs r1, #0
 *        str  r1, [r3, #0x08]      SSIENR
 *        str  r1, [r3, #0x04]      CTRLR1               one word per read,
 *        movs r2, #4
 *        str  r2, [r3, #0x14]      BAUDR                core clock / 4,
 *        ldr  r2, =0x001F0300
 *        str  r2, [r3, #0x00]      CTRLR0               32 bits, send command then read,
 *        ldr  r2, =0x03000218
 *        movs r0, #0xF4
 *        str  r2, [r3, r0]         SPI_CTRLR0           command 03h, 24 address bits,
 *        movs r1, #1
 *        str  r1, [r3, #0x08]      SSIENR               and on again.
 *        ldr  r0, =0x10000100
 *        ldr  r1, =0xE000ED08
 *        str  r0, [r1]             VTOR                 The vector table behind these 256 bytes
 *        ldm  r0!, {r1, r2}
 *        msr  msp, r1                                   gives the stack
 *        bx   r2                                        and the reset handler.
 *
 * Source: RP2040 data sheet, boot sequence (checksum) and SSI registers.
 */
#include <stdint.h>

extern const uint32_t tml_boot2[64];

__attribute__((section(".boot2"), used)) const uint32_t tml_boot2[64] = {
    0x21004B09u, 0x60596099u, 0x615A2204u, 0x601A4A07u, 0x20F44A07u, 0x2101501Au, 0x48066099u, 0x60084906u,
    0xF381C806u, 0x47108808u, 0x18000000u, 0x001F0300u, 0x03000218u, 0x10000100u, 0xE000ED08u,
    [63] = 0x669BF527u,
};
