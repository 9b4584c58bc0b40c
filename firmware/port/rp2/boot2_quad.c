/* boot2_quad.c: second boot stage of an RP2040 that reads flash over four wires, six times as fast as boot2.c.
 *
 * For flash chips that know what Winbond's W25Q family does (on the Raspberry Pi Pico, and on most boards with an
 * RP2040): command EBh with continuous reads, and the bit QE in status register 2. Where QE is not set it is set until
 * the power goes off (command 50h); nothing is written for good. Half the core clock, at most 66 MHz. A chip that
 * wants something else takes boot2.c: name it in the chip file's `port`, with the cycles that a miss then costs.
 *
 * The boot ROM copies 256 bytes to RAM, checks the last word (CRC-32 of the 252 bytes before: polynomial 04C11DB7,
 * start value FFFFFFFF, not reflected) and calls them. What the words say, as GNU as reads it:
 *
 *        ldr  r3, =0x40020000   @ pads of the flash
 *        movs r0, #0x21
 *        str  r0, [r3, #0x04]   @ SCLK: 8 mA, fast
 *        movs r0, #0x50
 *        str  r0, [r3, #0x08]   @ SD0 to SD3: without hysteresis, which is late at this speed
 *        str  r0, [r3, #0x0C]
 *        str  r0, [r3, #0x10]
 *        str  r0, [r3, #0x14]
 *        ldr  r3, =0x18000000   @ SSI, the serial flash interface
 *        movs r1, #0
 *        str  r1, [r3, #0x08]   @ SSIENR: off
 *        movs r1, #2
 *        str  r1, [r3, #0x14]   @ BAUDR: core clock / 2
 *        movs r0, #0xF0
 *        movs r1, #1
 *        str  r1, [r3, r0]      @ RX_SAMPLE_DLY: one core clock later
 *        ldr  r1, =0x00070000
 *        str  r1, [r3, #0x00]   @ CTRLR0: bytes, out and in, one wire each
 *        movs r1, #1
 *        str  r1, [r3, #0x08]   @ SSIENR: on
 *        movs r0, #0x35
 *        movs r1, #0
 *        bl   two               @ read status register 2
 *        movs r4, r0
 *        movs r1, #2
 *        tst  r4, r1            @ QE
 *        bne  quad
 *        movs r0, #0x50
 *        bl   one               @ what is written next is lost without power
 *        movs r0, #0x31
 *        movs r1, #2
 *        orrs r1, r4
 *        bl   two               @ write status register 2
 * quad:  movs r1, #0
 *        str  r1, [r3, #0x08]   @ SSIENR: off
 *        str  r1, [r3, #0x04]   @ CTRLR1: one word per read
 *        ldr  r1, =0x005F0300
 *        str  r1, [r3, #0x00]   @ CTRLR0: words, four wires, send then read
 *        ldr  r1, =0x00002221
 *        movs r0, #0xF4
 *        str  r1, [r3, r0]      @ SPI_CTRLR0: command over one wire, 24 + 8 bits over four, 4 clocks of waiting
 *        movs r1, #1
 *        str  r1, [r3, #0x08]   @ SSIENR: on
 *        movs r1, #0xEB
 *        str  r1, [r3, #0x60]
 *        movs r1, #0xA0
 *        str  r1, [r3, #0x60]   @ a first read, which says that the next come without a command
 *        bl   idle
 *        movs r1, #0
 *        str  r1, [r3, #0x08]   @ SSIENR: off
 *        ldr  r1, =0xA0002022
 *        movs r0, #0xF4
 *        str  r1, [r3, r0]      @ SPI_CTRLR0: no command, A0h behind the address
 *        movs r1, #1
 *        str  r1, [r3, #0x08]   @ SSIENR: on
 *        ldr  r0, =0x10000100
 *        ldr  r1, =0xE000ED08
 *        str  r0, [r1]          @ VTOR: the vector table behind these 256 bytes
 *        ldm  r0!, {r1, r2}
 *        msr  msp, r1           @ gives the stack
 *        bx   r2                @ and the reset handler
 * two:   str  r0, [r3, #0x60]   @ sends r0 and r1; r0 becomes what came in with the second
 *        str  r1, [r3, #0x60]
 *        mov  r5, lr
 *        bl   idle
 *        mov  lr, r5
 *        ldr  r0, [r3, #0x60]
 *        ldr  r0, [r3, #0x60]
 *        bx   lr
 * one:   str  r0, [r3, #0x60]   @ sends r0
 *        mov  r5, lr
 *        bl   idle
 *        mov  lr, r5
 *        ldr  r0, [r3, #0x60]
 *        bx   lr
 * idle:  movs r2, #5            @ SR: waits until all is sent and nothing runs
 *        ldr  r1, [r3, #0x28]
 *        ands r1, r2
 *        cmp  r1, #4
 *        bne  idle
 *        bx   lr
 *
 * Source: RP2040 data sheet, boot sequence (checksum), SSI and pad registers; W25Q16JV data sheet, instructions 35h,
 * 50h, 31h and EBh, continuous read mode. Run on an emulated core against a model of both (tests/sim/test_boot_stage.py).
 */
#include <stdint.h>

extern const uint32_t tml_boot2[64];

/* clang-format off */
__attribute__((section(".boot2"), used)) const uint32_t tml_boot2[64] = {
    0x20214B2Bu, 0x20506058u, 0x60D86098u, 0x61586118u, 0x21004B28u, 0x21026099u, 0x20F06159u, 0x50192101u,
    0x60194925u, 0x60992101u, 0x21002035u, 0xF82AF000u, 0x21020004u, 0xD107420Cu, 0xF0002050u, 0x2031F82Cu,
    0x43212102u, 0xF81EF000u, 0x60992100u, 0x491B6059u, 0x491B6019u, 0x501920F4u, 0x60992101u, 0x661921EBu,
    0x661921A0u, 0xF81EF000u, 0x60992100u, 0x20F44915u, 0x21015019u, 0x48146099u, 0x60084914u, 0xF381C806u,
    0x47108808u, 0x66196618u, 0xF0004675u, 0x46AEF80Bu, 0x6E186E18u, 0x66184770u, 0xF0004675u, 0x46AEF803u,
    0x47706E18u, 0x6A992205u, 0x29044011u, 0x4770D1FAu, 0x40020000u, 0x18000000u, 0x00070000u, 0x005F0300u,
    0x00002221u, 0xA0002022u, 0x10000100u, 0xE000ED08u,
    [63] = 0x256778C2u,
};
/* clang-format on */
