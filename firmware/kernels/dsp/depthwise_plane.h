/* depthwise_plane.h: one channel of an NHWC image as padded int16 lines, for Armv7E-M kernels.
 *
 * A depthwise kernel works on one channel at a time. Its elements lie `in_step` bytes apart; they
 * are gathered into lines of int16 in scratch, framed by the zero point, so that one 32-bit load
 * brings two neighbours for SMLAD:
 *
 *        lead        elements              the rest
 *      +------+------------------------+---------+
 *      | z  z | x0 x1 x2 x3 ...        | z  z  z |   line of `pitch` bytes
 *
 * Scratch holds a band of lines. The lines that the next band needs again are moved to the top, so
 * each element is read once, before any output of its line is written: with one filter per channel
 * the output may take the place of the input.
 *
 * A "line" may be a row or, with the steps swapped, a column of the image: whichever is cheaper.
 * Instructions: 14 per line, 9 per four elements, 5 for two more, 2 for one more, 60 per band.
 */
#ifndef TML_DSP_DEPTHWISE_PLANE_H
#define TML_DSP_DEPTHWISE_PLANE_H

#include "tml.h"

typedef struct {
    int32_t in_step;       /* bytes from an element of an input line to the next */
    int32_t in_line_step;  /* bytes from an input line to the next */
    int32_t in_lines;
    int32_t pad_lines;     /* lines of padding before the first */
    int32_t lead;          /* bytes in a scratch line before the first element */
    int32_t fours;         /* bytes that the groups of four elements of a line take in scratch */
    int32_t ends;          /* 4: one element before them; 2, 1: two, one after them */
    int32_t in_skip;       /* bytes from the last of these to the next line, in the input ... */
    int32_t skip;          /* ... and in scratch */
    int32_t pitch;         /* bytes of a scratch line; a multiple of 8 */
    int32_t rows;          /* scratch lines */
    int32_t kept;          /* scratch lines that the next band needs again */
    int32_t padding;       /* the zero point in both halfwords */
    int32_t stride;        /* input lines from one output line to the next */
    int32_t out_step;      /* bytes from an output of a line to the next */
    int32_t out_line_step; /* bytes from an output line to the next */
    int32_t out_lines;
    int32_t band;          /* output lines that the scratch lines serve */
    int32_t in_bytes;      /* of all images */
    int32_t out_bytes;
} tml_depthwise_plane;

/* Two int16 of a line; kernels read lines both ways. */
typedef uint32_t __attribute__((may_alias)) tml_plane_pair;

/* Where the input is to be read. An output that starts below the input and reaches into it would
 * run over other channels: then the input is moved down to where the output starts. Both are at
 * multiples of 4; 6 instructions per 16 bytes. */
TML_KERNEL const int8_t *tml_plane_settle(const int8_t *input, int8_t *output, int32_t in_bytes,
                                          int32_t out_bytes)
{
    const uintptr_t gap = (uintptr_t)input - (uintptr_t)output;
    if (gap == 0 || gap >= (uintptr_t)out_bytes) {
        return input;
    }
    const int8_t *const end = input + (in_bytes & ~15);
    int8_t *to = output;
    if (input != end) {
        uint32_t a, b, c, d;
        __asm__ volatile("0:\n\t"
                         "ldrd %[a], %[b], [%[from]], #8\n\t"
                         "ldrd %[c], %[d], [%[from]], #8\n\t"
                         "strd %[a], %[b], [%[to]], #8\n\t"
                         "strd %[c], %[d], [%[to]], #8\n\t"
                         "cmp %[from], %[end]\n\t"
                         "bne 0b"
                         : [from] "+&r"(input), [to] "+&r"(to), [a] "=&r"(a), [b] "=&r"(b),
                           [c] "=&r"(c), [d] "=&r"(d)
                         : [end] "r"(end)
                         : "cc", "memory");
    }
    TML_ROLLED
    for (int32_t i = 0; i < (in_bytes & 15); ++i) {
        to[i] = input[i];
    }
    return output;
}

#define TML_PLANE_FOUR \
    "ldrsb %[a], [%[in]]\n\t" \
    "ldrsb %[b], [%[in], %[step]]\n\t" \
    "ldrsb %[c], [%[in], %[step], lsl #1]\n\t" \
    "ldrsb %[d], [%[in], %[step3]]\n\t" \
    "pkhbt %[a], %[a], %[b], lsl #16\n\t" \
    "pkhbt %[b], %[c], %[d], lsl #16\n\t" \
    "add %[in], %[in], %[step], lsl #2\n\t" \
    "strd %[a], %[b], [%[line]], #8\n\t"

/* Gathers `lines` whole lines, at least one; `line` is where the first element goes. */
TML_KERNEL void tml_plane_gather(const tml_depthwise_plane *plane, const int8_t *input, char *line,
                                 int32_t lines)
{
    const int32_t step = plane->in_step;
    char *end;
    uint32_t a, b, c, d;
    __asm__ volatile("0:\n\t"
                     "lsls %[a], %[ends], #30\n\t" /* carry: 4 */
                     "bcc 1f\n\t"
                     "ldrsb %[b], [%[in]]\n\t"
                     "add %[in], %[in], %[step]\n\t"
                     "strh %[b], [%[line]], #2\n"
                     "1:\n\t"
                     "add %[end], %[line], %[fours]\n\t"
                     "cmp %[line], %[end]\n\t"
                     "beq 4f\n\t"
                     "lsls %[a], %[fours], #29\n\t" /* carry: an odd number of groups */
                     "bcs 3f\n"
                     "2:\n\t" TML_PLANE_FOUR
                     "3:\n\t" TML_PLANE_FOUR
                     "cmp %[line], %[end]\n\t"
                     "bne 2b\n"
                     "4:\n\t"
                     "lsls %[a], %[ends], #31\n\t" /* carry: 2, negative: 1 */
                     "bcc 5f\n\t"
                     "ldrsb %[a], [%[in]]\n\t"
                     "ldrsb %[b], [%[in], %[step]]\n\t"
                     "add %[in], %[in], %[step], lsl #1\n\t"
                     "pkhbt %[a], %[a], %[b], lsl #16\n\t"
                     "str %[a], [%[line]], #4\n"
                     "5:\n\t"
                     "bpl 6f\n\t"
                     "ldrsb %[a], [%[in]]\n\t"
                     "strh %[a], [%[line]]\n"
                     "6:\n\t"
                     "add %[in], %[in], %[in_skip]\n\t"
                     "add %[line], %[line], %[skip]\n\t"
                     "subs %[lines], %[lines], #1\n\t"
                     "bne 0b"
                     : [in] "+&r"(input), [line] "+&r"(line), [lines] "+&r"(lines), [end] "=&r"(end),
                       [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d)
                     : [step] "r"(step), [step3] "r"(3 * step), [fours] "r"(plane->fours),
                       [ends] "r"(plane->ends), [in_skip] "r"(plane->in_skip),
                       [skip] "r"(plane->skip)
                     : "cc", "memory");
}

/* Fills scratch with padding; `bytes` is a multiple of 8. */
TML_KERNEL void tml_plane_fill(char *line, int32_t bytes, int32_t padding)
{
    tml_plane_pair *to = (tml_plane_pair *)(void *)line;
    TML_ROLLED
    for (; bytes > 0; bytes -= 8) {
        *to++ = (tml_plane_pair)padding;
        *to++ = (tml_plane_pair)padding;
    }
}

/* Brings the scratch lines of the band that starts at output line `out_line` into place. When one
 * band is all there is, padding once filled in stays. */
static TML_NOINLINE __attribute__((unused)) void tml_plane_load(const tml_depthwise_plane *plane,
                                                                const int8_t *input, char *scratch,
                                                                int32_t out_line)
{
    const int32_t pitch = plane->pitch;
    const bool has_bands = plane->band < plane->out_lines;
    int32_t lines = plane->rows;
    int32_t in_line = out_line * plane->stride - plane->pad_lines;
    if (out_line > 0 && plane->kept > 0) {
        const char *from = scratch + (plane->rows - plane->kept) * pitch;
        const char *const end = scratch + plane->kept * pitch;
        uint32_t a, b;
        __asm__ volatile("0:\n\t"
                         "ldrd %[a], %[b], [%[from]], #8\n\t"
                         "strd %[a], %[b], [%[to]], #8\n\t"
                         "cmp %[to], %[end]\n\t"
                         "bne 0b"
                         : [from] "+&r"(from), [to] "+&r"(scratch), [a] "=&r"(a), [b] "=&r"(b)
                         : [end] "r"(end)
                         : "cc", "memory");
        lines -= plane->kept;
        in_line += plane->kept;
    }
    if (in_line < 0) {
        const int32_t above = -in_line < lines ? -in_line : lines;
        if (has_bands) {
            tml_plane_fill(scratch, above * pitch, plane->padding);
        }
        scratch += above * pitch;
        lines -= above;
        in_line = 0;
    }
    int32_t inside = plane->in_lines - in_line;
    inside = inside < lines ? inside : lines;
    if (inside > 0) {
        tml_plane_gather(plane, input + in_line * plane->in_line_step, scratch + plane->lead,
                         inside);
        scratch += inside * pitch;
        lines -= inside;
    }
    if (has_bands) {
        tml_plane_fill(scratch, lines * pitch, plane->padding);
    }
}

#endif
