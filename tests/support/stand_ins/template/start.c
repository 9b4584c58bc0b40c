#include <stdint.h>

extern uint32_t _data, _data_end, _data_load, _bss, _bss_end, _stack_top;
int main(void);
void Reset_Handler(void);

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    (void *)&_stack_top,
    (void *)Reset_Handler,
};

void Reset_Handler(void)
{
#if defined(__ARM_FP)
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20;
    __asm volatile("dsb\n\tisb" ::: "memory");
#endif
    const uint32_t *from = &_data_load;
    for (uint32_t *to = &_data; to < &_data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = &_bss; to < &_bss_end;) {
        *to++ = 0;
    }
    (void)main();
    for (;;) {
        __asm volatile("wfi");
    }
}
