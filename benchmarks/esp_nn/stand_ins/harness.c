/* harness.c: what the library's own tests ask of their host: text, memory, numbers, time.
 *
 * Text goes to the emulator's host. As on the chip most memory is external, behind the data cache, and what
 * malloc gives is internal; it is given back all at once before each test.
 */
#include <esp_heap_caps.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <test_functions.h>

#define HOST_EXIT 1
#define HOST_WRITE 4
#define ROOM (2 << 20) /* bytes of a heap */

int host_call(int number, int a, int b, int c);
uint32_t host_count(void);
int main(void);

extern char _internal_heap[];
extern char _external_heap[];

static char *internal_memory;
static char *external_memory;
static uint32_t drawn = 1;
static uint32_t started;
static uint32_t cycles[2]; /* of the last calls: portable, for the chip */

static void put(const char *text, uint32_t count)
{
    (void)host_call(HOST_WRITE, 1, (int)(uintptr_t)text, (int)count);
}

static void put_number(int32_t value, uint32_t base)
{
    char text[12];
    int at = sizeof text;
    uint32_t size = base == 10 && value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
    do {
        text[--at] = "0123456789abcdef"[size % base];
        size /= base;
    } while (size > 0);
    if (base == 10 && value < 0) {
        text[--at] = '-';
    }
    put(text + at, (uint32_t)((int)sizeof text - at));
}

void host_text(const char *format, const int *values)
{
    while (*format) {
        const char *from = format;
        while (*format && *format != '%') {
            ++format;
        }
        put(from, (uint32_t)(format - from));
        if (*format == '%') {
            do {
                ++format;
            } while ((*format >= '0' && *format <= '9') || *format == 'l' || *format == 'h');
            if (*format == 's') {
                const char *text = (const char *)(uintptr_t)*values;
                put(text, (uint32_t)strlen(text));
            } else {
                put_number(*values, *format == 'x' ? 16 : 10);
            }
            ++values;
            ++format;
        }
    }
}

static void *take(char **memory, size_t nbytes)
{
    char *taken = *memory;
    *memory += (nbytes + 15) / 16 * 16;
    return taken;
}

void *malloc(size_t nbytes)
{
    return take(&internal_memory, nbytes);
}

void *heap_caps_malloc(size_t nbytes, int kind)
{
    (void)kind;
    return take(&external_memory, nbytes);
}

void free(void *memory)
{
    (void)memory;
}

int rand(void)
{
    drawn = drawn * 1664525u + 1013904223u;
    return (int)(drawn >> 1);
}

void profile_c_start(void)
{
    started = host_count();
}

uint32_t profile_c_end(void)
{
    cycles[0] = host_count() - started;
    return cycles[0];
}

void profile_opt_start(void)
{
    started = host_count();
}

uint32_t profile_opt_end(void)
{
    cycles[1] = host_count() - started;
    printf("\nticks %d %d\n", (int)cycles[0], (int)cycles[1]);
    return cycles[1];
}

/* Where the library's table of ticks says "Internal" all memory is. */
static void begin(const char *name, char *heap)
{
    internal_memory = _internal_heap + ROOM;
    external_memory = heap;
    printf("\ntest %s\n", name);
}

#define RUN(test, memory) (begin(#test, _##memory##_heap), esp_nn_##test##_test())

int main(void)
{
    RUN(add_elementwise_s8, external);
    RUN(mul_elementwise_s8, external);
    RUN(mul_broadcast_channel_s8, external);
    RUN(depthwise_conv_s8, external);
    RUN(conv_s8, external);
    RUN(relu6_s8, internal);
    RUN(avg_pool_s8, internal);
    RUN(max_pool_s8, internal);
    RUN(fully_connected_s8, internal);
    RUN(fully_connected_per_ch_s8, internal);
    RUN(softmax_s8, internal);
    RUN(mean_nhwc_s8, internal);
    (void)host_call(HOST_EXIT, 0, 0, 0);
}
