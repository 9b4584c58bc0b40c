/* start.h: the least that a test firmware needs to boot; include it once and write test_main(). */
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))

extern uint32_t _stack_top[], _data_load[], _data_start[], _data_end[], _bss_start[], _bss_end[];

static void test_main(void);

__attribute__((noreturn)) void Reset_Handler(void)
{
#if defined(__ARM_FP) && !LEAVE_FPU_OFF
    REG(0xE000ED88) |= 0xFu << 20;
#endif
    for (volatile uint32_t *to = _data_start, *from = _data_load; to < _data_end;) {
        *to++ = *from++;
    }
    for (volatile uint32_t *to = _bss_start; to < _bss_end;) {
        *to++ = 0;
    }
    test_main();
    for (;;) {
        __asm volatile("wfi");
    }
}

__attribute__((section(".vectors"), used)) void *const vectors[2] = {_stack_top, Reset_Handler};
