/* depthwise_plane.h: one channel of an NHWC image as padded int16 lines, for Armv7E-M kernels.
 *
 * A depthwise kernel works on one channel at a time. Its elements lie `in_step` bytes apart; they
 * are gathered into lines of int16 in scratch, framed by the zero point, so that one 32-bit load
 * brings two neighbours for SMLAD:
 *
 *        lead        in_count              filled with the zero point
 *      +------+------------------------+---------+
 *      | z  z | x0 x1 x2 x3 ...        | z  z  z |   line of `pitch` bytes
 *
 * Scratch holds a band of lines. The lines that the next band needs again are moved to the top, so
 * each element is read once, before any output of its line is written: with one filter per channel
 * the output may take the place of the input.
 *
 * A "line" may be a row or, with the steps swapped, a column of the image: whichever is longer.
 */
#ifndef TML_DSP_DEPTHWISE_PLANE_H
#define TML_DSP_DEPTHWISE_PLANE_H

#include "tml.h"

/* Two int16 of a line; kernels read lines both ways. */
typedef uint32_t __attribute__((may_alias)) tml_plane_pair;

typedef struct {
    int32_t in_step;       /* bytes from an element of an input line to the next */
    int32_t in_line_step;  /* bytes from an input line to the next */
    int32_t in_lines;
    int32_t in_count;      /* elements of a line that are read */
    int32_t pad_lines;     /* lines of padding before the first */
    int32_t lead;          /* halfwords in a scratch line before the first element */
    int32_t pitch;         /* bytes of a scratch line; a multiple of 8 */
    int32_t rows;          /* scratch lines */
    int32_t padding;       /* the zero point in both halfwords */
    int32_t out_step;      /* bytes from an output of a line to the next */
    int32_t out_line_step; /* bytes from an output line to the next */
    int32_t out_lines;
    int32_t band;          /* output lines that the scratch lines serve */
    int32_t kept;          /* scratch lines that the next band needs again */
    int32_t stride;        /* input lines from one output line to the next */
    int32_t in_bytes;      /* of all images */
    int32_t out_bytes;
} tml_depthwise_plane;

/* Where the input is to be read. An output that starts below the input and reaches into it would run
 * over other channels: then the input is moved down to where the output starts. */
TML_KERNEL const int8_t *tml_plane_settle(const tml_depthwise_plane *plane, const int8_t *input,
                                          int8_t *output)
{
    const uintptr_t gap = (uintptr_t)input - (uintptr_t)output;
    if (gap == 0 || gap >= (uintptr_t)plane->out_bytes) {
        return input;
    }
    const tml_plane_pair *from = (const tml_plane_pair *)(const void *)input;
    tml_plane_pair *to = (tml_plane_pair *)(void *)output;
    for (int32_t words = plane->in_bytes >> 2; words > 0; --words) {
        *to++ = *from++;
    }
    for (int32_t i = plane->in_bytes & ~3; i < plane->in_bytes; ++i) {
        output[i] = input[i];
    }
    return output;
}

/* Gathers `groups` times four elements `step` bytes apart; 9 instructions per group. */
TML_KERNEL const int8_t *tml_gather_fours(const int8_t *input, int32_t step, tml_plane_pair *line,
                                          int32_t groups)
{
    const int32_t step3 = 3 * step;
    const tml_plane_pair *const end = line + 2 * groups;
    uint32_t a, b, c, d;
#define TML_GATHER_FOUR \
    "ldrsb %[a], [%[in]]\n\t" \
    "ldrsb %[b], [%[in], %[step]]\n\t" \
    "ldrsb %[c], [%[in], %[step], lsl #1]\n\t" \
    "ldrsb %[d], [%[in], %[step3]]\n\t" \
    "pkhbt %[a], %[a], %[b], lsl #16\n\t" \
    "pkhbt %[b], %[c], %[d], lsl #16\n\t" \
    "add %[in], %[in], %[step], lsl #2\n\t" \
    "strd %[a], %[b], [%[line]], #8\n\t"
    /* An odd number of groups enters in the middle. */
    __asm__ volatile("lsls %[a], %[groups], #31\n\t"
                     "bmi 2f\n"
                     "1:\n\t" TML_GATHER_FOUR
                     "2:\n\t" TML_GATHER_FOUR
                     "cmp %[line], %[end]\n\t"
                     "bne 1b"
                     : [in] "+r"(input), [line] "+r"(line), [a] "=&r"(a), [b] "=&r"(b),
                       [c] "=&r"(c), [d] "=&r"(d)
                     : [step] "r"(step), [step3] "r"(step3), [end] "r"(end), [groups] "r"(groups)
                     : "cc", "memory");
#undef TML_GATHER_FOUR
    return input;
}

/* One input line into a scratch line. */
TML_KERNEL void tml_gather_line(const tml_depthwise_plane *plane, const int8_t *input,
                                int16_t *line)
{
    const int32_t step = plane->in_step;
    int32_t count = plane->in_count;
    line += plane->lead;
    if (plane->lead & 1) {
        *line++ = *input;
        input += step;
        --count;
    }
    const int32_t groups = count >> 2;
    if (groups > 0) {
        input = tml_gather_fours(input, step, (tml_plane_pair *)(void *)line, groups);
        line += 4 * groups;
    }
    if (count & 2) {
        line[0] = input[0];
        line[1] = input[step];
        line += 2;
        input += 2 * step;
    }
    if (count & 1) {
        *line = *input;
    }
}

/* Moves or fills 32-bit words, two at a time. */
TML_KERNEL void tml_plane_fill(int16_t *line, int32_t bytes, int32_t padding)
{
    tml_plane_pair *to = (tml_plane_pair *)(void *)line;
    tml_plane_pair *const end = to + bytes / 4;
    while (to != end) {
        to[0] = (uint32_t)padding;
        to[1] = (uint32_t)padding;
        to += 2;
    }
}

/* Brings the scratch lines of the band that starts at output line `out_line` into place. */
static TML_NOINLINE __attribute__((unused)) void tml_plane_load(const tml_depthwise_plane *plane,
                                                                const int8_t *input,
                                                                int16_t *scratch, int32_t out_line)
{
    const int32_t pitch = plane->pitch / 2;
    int16_t *line = scratch;
    int16_t *const end = scratch + plane->rows * pitch;
    int32_t in_line = out_line * plane->stride - plane->pad_lines;
    if (out_line > 0) {
        const tml_plane_pair *from = (const tml_plane_pair *)(const void *)(end - plane->kept * pitch);
        tml_plane_pair *to = (tml_plane_pair *)(void *)scratch;
        line += plane->kept * pitch;
        in_line += plane->kept;
        while (to != (tml_plane_pair *)(void *)line) {
            to[0] = from[0];
            to[1] = from[1];
            to += 2;
            from += 2;
        }
    }
    input += in_line * plane->in_line_step;
    for (; line != end; line += pitch) {
        if (in_line >= 0 && in_line < plane->in_lines) {
            tml_gather_line(plane, input, line);
        } else if (plane->band < plane->out_lines) {
            tml_plane_fill(line, plane->pitch, plane->padding);
        }
        ++in_line;
        input += plane->in_line_step;
    }
}

#endif
