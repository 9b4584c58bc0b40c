/* Work of several kinds for the hooks to count: loops, calls, tables, division. */
#include "start.h"

static int8_t a[1024], b[1024];
volatile int32_t result;

__attribute__((noinline)) int32_t dot(const int8_t *x, const int8_t *y, int32_t n)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += x[i] * y[i];
    }
    return sum;
}

static void test_main(void)
{
    for (int32_t i = 0; i < 1024; i++) {
        a[i] = (int8_t)(i * 7);
        b[i] = (int8_t)(i * 13 + 1);
    }
    for (int32_t i = 0; i < TURNS; i++) {
        switch (i & 7) {
        case 0: result += dot(a, b, 1024); break;
        case 1: result ^= dot(b, a, 512); break;
        case 5: result -= dot(a, a, 77); break;
        default: result += dot(b, b, 900 + i % 5); break;
        }
    }
}
