/* depthwise_line_block.h: the outputs of a line of one channel, four at a time, for Armv7E-M.
 *
 * The line lies in scratch as words h of two neighbours (every fourth word: depthwise_line_s8.h),
 * the taps, doubled, as overlapping pairs z, so that odd outputs share the data with even ones:
 *
 *               h0: x0 x1   h1: x2 x3   h2: x4 x5   h3: x6 x7      z0 = ( 0 w0)  z1 = (w0 w1)
 *   output 0        z1          z3          z5                     z2 = (w1 w2)  z3 = (w2 w3)
 *   output 1        z0          z2          z4                     z4 = (w3 w4)  z5 = (w4  0)
 *   output 2                    z1          z3          z5
 *   output 3                    z0          z2          z4
 *
 * A step takes z0, z1 against h0 and h1, the next one z2, z3 against h1 and h2: LDRD, LDR and four
 * SMLAD for 8 products. The steps are unrolled by four; the first pass enters them where it must.
 * Then the rounding form of tinyml/ir/requant.py on 2 * sum:
 *
 *   output = ssat8(smmlar(2 * sum, multiplier, offset + (sum < 0 ? -1 : 0)) >> shift)
 *
 * Instructions per four outputs: 34, 6 per step, 2 per four steps.
 */
#ifndef TML_DSP_DEPTHWISE_LINE_BLOCK_H
#define TML_DSP_DEPTHWISE_LINE_BLOCK_H

#include "tml.h"

/* What a block finds at fixed places: a channel's constants and where its numbers are. */
typedef struct {
    int32_t multiplier;
    int32_t offset;
    int32_t shift;
    int32_t back;    /* bytes from the data after a block to those of the next */
    int32_t bias[4]; /* doubled, for each sum */
    const uint32_t *taps;
    const uint32_t *taps_end;
    const char *in;
    const char *in_end; /* of the last four outputs; 1 byte more when others are left */
    int8_t *output;
    int32_t out_step;
    int32_t left;     /* outputs after the last four */
    uint32_t entry;   /* bytes of the 4 unrolled steps that the first pass skips */
    uint32_t address; /* of the code there */
} tml_depthwise_line_block;

#define TML_DWL_STEP(x, next) \
    "ldrd r10, r11, [r12], #8\n\t" \
    "ldr " next ", [r1], #16\n\t" \
    "smlad r4, " x ", r11, r4\n\tsmlad r5, " x ", r10, r5\n\t" \
    "smlad r6, " next ", r11, r6\n\tsmlad r7, " next ", r10, r7\n\t"
#define TML_DWL_FINISH(y) \
    "add r12, r9, " y ", asr #31\n\tsmmlar " y ", " y ", r8, r12\n\t" \
    "asr " y ", " y ", r10\n\tssat " y ", #8, " y "\n\t"

/* All outputs of a channel's line. Registers: r0 the block, r1 data, r2 output, r3 its step, r4-r7
 * sums, r8 and r9 words of data, r10 and r11 of taps, r12 where these are, lr where they end. */
static TML_NOINLINE __attribute__((unused)) void tml_depthwise_line_filter(
    tml_depthwise_line_block *block)
{
    __asm__ volatile("mov r0, %0\n\t"
                     "push {r4-r11, lr}\n\t"
                     "ldrd r2, r3, [r0, #48]\n\t"
                     "ldrd lr, r1, [r0, #36]\n\t"
                     "ldr r9, [r0, #60]\n\t"
                     "adr.w r8, 2f\n\t"
                     "add r8, r9\n\t"
                     "orr r8, #1\n\t"
                     "str r8, [r0, #64]\n"
                     "1:\n\t" /* the next four outputs */
                     "ldr r12, [r0, #32]\n\t"
                     "ldrd r4, r5, [r0, #16]\n\t"
                     "ldrd r6, r7, [r0, #24]\n\t"
                     "ldr r8, [r1]\n\t" /* whichever of the two the first step takes */
                     "ldr r9, [r1], #16\n\t"
                     "ldr pc, [r0, #64]\n\t"
                     ".balign 4\n"
                     "2:\n\t" TML_DWL_STEP("r8", "r9") TML_DWL_STEP("r9", "r8")
                     TML_DWL_STEP("r8", "r9") TML_DWL_STEP("r9", "r8")
                     "cmp r12, lr\n\t"
                     "bne 2b\n\t"
                     "ldm r0, {r8-r11}\n\t"
                     TML_DWL_FINISH("r4") TML_DWL_FINISH("r5")
                     TML_DWL_FINISH("r6") TML_DWL_FINISH("r7")
                     "ldr r8, [r0, #44]\n\t"
                     "sub r1, r11\n\t"
                     "cmp r1, r8\n\t"
                     "bhi 3f\n\t"
                     "strb r4, [r2]\n\t"
                     "strb r5, [r2, r3]\n\t"
                     "add r2, r2, r3, lsl #1\n\t"
                     "strb r6, [r2]\n\t"
                     "strb r7, [r2, r3]\n\t"
                     "add r2, r2, r3, lsl #1\n\t"
                     "bne 1b\n\t"
                     "b 4f\n"
                     "3:\n\t" /* one, two or three more */
                     "strb r4, [r2]\n\t"
                     "ldr r8, [r0, #56]\n\t"
                     "cmp r8, #2\n\t"
                     "blt 4f\n\t"
                     "strb r5, [r2, r3]\n\t"
                     "beq 4f\n\t"
                     "strb r6, [r2, r3, lsl #1]\n"
                     "4:\n\t"
                     "pop {r4-r11, lr}"
                     :
                     : "r"(block)
                     : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
}

#endif
