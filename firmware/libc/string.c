/* string.c: memory and string functions, four bytes at a time where both sides are aligned alike.
 *
 * The compiler must not turn these loops back into calls of the functions they implement; see
 * TML_NO_IDIOMS, which also keeps it from unrolling them further.
 */
#include "string.h"

#include <stdint.h>

#if defined(__clang__)
#define TML_NO_IDIOMS __attribute__((no_builtin, minsize))
#else
#define TML_NO_IDIOMS __attribute__((optimize("Os", "no-tree-loop-distribute-patterns")))
#endif

/* Words that may alias anything. */
typedef uint32_t __attribute__((may_alias)) word;

#define IS_ALIGNED(address) (((uintptr_t)(address) & 3u) == 0u)

TML_NO_IDIOMS void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    if ((((uintptr_t)out ^ (uintptr_t)in) & 3u) == 0u) {
        while (count > 0u && !IS_ALIGNED(out)) {
            *out++ = *in++;
            count--;
        }
        word *out_words = (word *)(void *)out;
        const word *in_words = (const word *)(const void *)in;
        for (; count >= 16u; count -= 16u) {
            const word a = in_words[0], b = in_words[1], c = in_words[2], d = in_words[3];
            out_words[0] = a;
            out_words[1] = b;
            out_words[2] = c;
            out_words[3] = d;
            out_words += 4;
            in_words += 4;
        }
        for (; count >= 4u; count -= 4u) {
            *out_words++ = *in_words++;
        }
        out = (uint8_t *)out_words;
        in = (const uint8_t *)in_words;
    }
    while (count-- > 0u) {
        *out++ = *in++;
    }
    return to;
}

TML_NO_IDIOMS void *memmove(void *to, const void *from, size_t count)
{
    if ((uintptr_t)to - (uintptr_t)from >= count) {
        /* The output starts before the input or after its end: ascending order is right, and words
         * are always read before one that overlaps them is written. */
        uint8_t *out = to;
        const uint8_t *in = from;
        if ((((uintptr_t)out ^ (uintptr_t)in) & 3u) == 0u) {
            for (; count > 0u && !IS_ALIGNED(out); count--) {
                *out++ = *in++;
            }
            word *out_words = (word *)(void *)out;
            const word *in_words = (const word *)(const void *)in;
            const word *const end = in_words + ((count >> 2) & ~(size_t)3);
            while (in_words != end) {
                const word a = *in_words++, b = *in_words++, c = *in_words++, d = *in_words++;
                *out_words++ = a;
                *out_words++ = b;
                *out_words++ = c;
                *out_words++ = d;
            }
            for (count &= 15u; count >= 4u; count -= 4u) {
                *out_words++ = *in_words++;
            }
            out = (uint8_t *)out_words;
            in = (const uint8_t *)in_words;
        }
        while (count-- > 0u) {
            *out++ = *in++;
        }
        return to;
    }
    uint8_t *out = (uint8_t *)to + count;
    const uint8_t *in = (const uint8_t *)from + count;
    if ((((uintptr_t)out ^ (uintptr_t)in) & 3u) == 0u) {
        for (; count > 0u && !IS_ALIGNED(out); count--) {
            *--out = *--in;
        }
        for (; count >= 4u; count -= 4u) {
            out -= 4;
            in -= 4;
            *(word *)(void *)out = *(const word *)(const void *)in;
        }
    }
    while (count-- > 0u) {
        *--out = *--in;
    }
    return to;
}

TML_NO_IDIOMS void *memset(void *to, int value, size_t count)
{
    uint8_t *out = to;
    const uint8_t byte = (uint8_t)value;
    for (; count > 0u && !IS_ALIGNED(out); count--) {
        *out++ = byte;
    }
    const word four = (word)byte * 0x01010101u;
    word *words = (word *)(void *)out;
    for (; count >= 16u; count -= 16u) {
        words[0] = four;
        words[1] = four;
        words[2] = four;
        words[3] = four;
        words += 4;
    }
    for (; count >= 4u; count -= 4u) {
        *words++ = four;
    }
    out = (uint8_t *)words;
    while (count-- > 0u) {
        *out++ = byte;
    }
    return to;
}

TML_NO_IDIOMS int memcmp(const void *a, const void *b, size_t count)
{
    const uint8_t *left = a;
    const uint8_t *right = b;
    for (; count > 0u; count--, left++, right++) {
        if (*left != *right) {
            return *left < *right ? -1 : 1;
        }
    }
    return 0;
}

TML_NO_IDIOMS size_t strlen(const char *text)
{
    size_t count = 0;
    while (text[count] != '\0') {
        count++;
    }
    return count;
}

TML_NO_IDIOMS int strcmp(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return (uint8_t)*a == (uint8_t)*b ? 0 : ((uint8_t)*a < (uint8_t)*b ? -1 : 1);
}

TML_NO_IDIOMS int strncmp(const char *a, const char *b, size_t count)
{
    for (; count > 0u; count--, a++, b++) {
        if (*a != *b) {
            return (uint8_t)*a < (uint8_t)*b ? -1 : 1;
        }
        if (*a == '\0') {
            return 0;
        }
    }
    return 0;
}
