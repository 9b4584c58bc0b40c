/* The input transform V = Bt d B of the exact Winograd convolution F(2x2, 3x3), for one tile.
 *
 *   rows        columns d0 d1 d2 d3                 first down each column, then along each row:
 *   of d   r0 |  .  .  .  .  |  ->  u0 = r0 - r2    v0 = c0 - c2
 *          r1 |  .  .  .  .  |  ->  u1 = r1 + r2    v1 = c1 + c2
 *          r2 |  .  .  .  .  |  ->  u2 = r2 - r1    v2 = c2 - c1
 *          r3 |  .  .  .  .  |  ->  u3 = r1 - r3    v3 = c1 - c3
 *
 * Four channels at a time: SXTB16 widens a word of them into (c, c + 2) and (c + 1, c + 3), SADD16
 * and SSUB16 transform two at once. Columns go to the stack, u[odd channels][q][x], rows from there
 * to 16 runs; q and p come in the block's order 1, 2, 0, 3.
 * Cost: 29 + 209 instructions per 4 channels.
 */
#ifndef TML_DSP_WINOGRAD_TILE_H
#define TML_DSP_WINOGRAD_TILE_H

#include "gemm_block.h"

typedef struct {
    const int8_t *tile; /* word-aligned */
    int32_t pitch;      /* bytes from row to row */
    int32_t channels;   /* bytes from column to column, a multiple of 4 */
    int32_t *to;        /* channels (c, c + 2) of run i: word i * run_bytes / 4 + 3 * (c / 2) */
    int32_t run_bytes;
    int32_t words; /* channels / 4 */
} tml_dsp_tile;

/* One column, its rows in r4 to r7, of two channels. */
#define TML_DSP_TILE_COLUMN(rotation, at)                                                      \
    "sxtb16 r8, r4" rotation "\nsxtb16 r9, r5" rotation "\n"                                   \
    "sxtb16 r10, r6" rotation "\nsxtb16 r11, r7" rotation "\n"                                 \
    "ssub16 r8, r8, r10\nssub16 r11, r9, r11\n"                                                \
    "str r8, [sp, #" at " + 32 + \\x]\nstr r11, [sp, #" at " + 48 + \\x]\n"                    \
    "sadd16 r8, r9, r10\nssub16 r10, r10, r9\n"                                                \
    "str r8, [sp, #" at " + \\x]\nstr r10, [sp, #" at " + 16 + \\x]\n"

/* Four rows of two channels, from r0 to the runs at r12. */
#define TML_DSP_TILE_ROWS                                                                      \
    ".rept 4\n"                                                                                \
    "ldm r0!, {r4-r7}\n"                                                                       \
    "ssub16 r8, r4, r6\nsadd16 r9, r5, r6\nssub16 r10, r6, r5\nssub16 r11, r5, r7\n"           \
    "str r9, [r12]\nstr r10, [r12, r1]\nstr r8, [r12, r1, lsl #1]\nstr r11, [r12, r2]\n"       \
    "add r12, r12, r1, lsl #2\n"                                                               \
    ".endr\n"

/* Stack frame: u, at 128 run_bytes, 3 * run_bytes, pitch, 3 * pitch, words left, channels. */
TML_DSP_SHARED void tml_dsp_transform_tile(const tml_dsp_tile *tile)
{
    __asm__ volatile("mov r0, %0\n"
                     "push {r4-r11, lr}\n"
                     "ldm r0, {r0-r5}\n"
                     "sub sp, #152\n"
                     "mov lr, r0\n"
                     "add r6, r4, r4, lsl #1\n"
                     "add r7, r1, r1, lsl #1\n"
                     "strd r4, r6, [sp, #128]\n"
                     "strd r1, r7, [sp, #136]\n"
                     "strd r5, r2, [sp, #144]\n"
                     "1:\n" /* next four channels: columns at r0, r1 = pitch, r2 = 3 * pitch */
                     "mov r0, lr\n"
                     "ldrd r1, r2, [sp, #136]\n"
                     "ldr r12, [sp, #148]\n"
                     ".irp x, 0, 4, 8, 12\n"
                     "ldr r4, [r0]\n"
                     "ldr r5, [r0, r1]\n"
                     "ldr r6, [r0, r1, lsl #1]\n"
                     "ldr r7, [r0, r2]\n"
                     "add r0, r12\n" TML_DSP_TILE_COLUMN("", "0")
                     TML_DSP_TILE_COLUMN(", ror #8", "64") ".endr\n"
                     "mov r0, sp\n" /* r1 = run_bytes, r2 = 3 * run_bytes */
                     "ldrd r1, r2, [sp, #128]\n"
                     "mov r12, r3\n" TML_DSP_TILE_ROWS
                     "add r12, r3, #12\n" TML_DSP_TILE_ROWS
                     "add r3, #24\n"
                     "add lr, #4\n"
                     "ldr r4, [sp, #144]\n"
                     "subs r4, #1\n"
                     "str r4, [sp, #144]\n"
                     "bne.w 1b\n"
                     "add sp, #152\n"
                     "pop {r4-r11, lr}\n"
                     :
                     : "r"(tile)
                     : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
}

#endif
