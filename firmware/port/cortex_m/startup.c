/* startup.c: from reset to main() on any Cortex-M, without assembler.
 *
 * The firmware uses no interrupt: they stay masked, and the vector table holds the sixteen system
 * entries only. The linker script provides the symbols.
 */
#include "../port.h"

typedef void (*tml_vector)(void);

/* A RAM range that starts as zeros. */
typedef struct {
    uint32_t *start;
    uint32_t *end;
} tml_zero_range;

extern uint32_t _stack_bottom[], _stack_top[];
extern uint32_t _data_load[], _data_start[], _data_end[];
extern const tml_zero_range _zero_table_start[], _zero_table_end[];
extern const tml_vector tml_vectors[];

int main(void);
void Reset_Handler(void);
void tml_fault_entry(void);
void tml_start(void);

#define VTOR 0xE000ED08u
#define CPACR 0xE000ED88u
#define CPACR_FULL_ACCESS (0xFu << 20) /* coprocessors 10 and 11: FPU and Helium */
#define AIRCR 0xE000ED0Cu
#define AIRCR_RESET 0x05FA0004u /* the key, and SYSRESETREQ */
#define CCR 0xE000ED14u
#define CCR_DATA_CACHE (1u << 16)
#define CCR_INSTRUCTION_CACHE (1u << 17)
#define CCSIDR 0xE000ED80u
#define CSSELR 0xE000ED84u
#define ICIALLU 0xE000EF50u
#define DCISW 0xE000EF60u

#define STACK_PAINT 0xC5C5C5C5u
#define PAINT_MARGIN_WORDS 32 /* what tml_start and its callees may already use */

__attribute__((section(".vectors"), used)) const tml_vector tml_vectors[16] = {
    (tml_vector)(uintptr_t)_stack_top,
    Reset_Handler,
    tml_fault_entry, /* NMI */
    tml_fault_entry, /* HardFault */
    tml_fault_entry, /* MemManage */
    tml_fault_entry, /* BusFault */
    tml_fault_entry, /* UsageFault */
    tml_fault_entry, /* SecureFault */
    tml_fault_entry,
    tml_fault_entry,
    tml_fault_entry,
    tml_fault_entry, /* SVCall */
    tml_fault_entry, /* DebugMonitor */
    tml_fault_entry,
    tml_fault_entry, /* PendSV */
    tml_fault_entry, /* SysTick */
};

/* Everything that compiled loops may need is on before the first loop: a compiler for Helium
 * vectorises even the copying of .data. Hence two functions, and nothing but stores in this one. */
void Reset_Handler(void)
{
    __asm volatile("cpsid i" ::: "memory"); /* a boot loader may have left interrupts on */
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    tml_set_bits(CPACR, CPACR_FULL_ACCESS);
#endif
    TML_REG(VTOR) = (uint32_t)(uintptr_t)tml_vectors;
#ifdef TML_RAM_POWER
    tml_set_bits(TML_RAM_POWER, TML_RAM_POWER_BITS); /* RAM whose clock is off after reset */
    (void)TML_REG(TML_RAM_POWER);
#endif
    __asm volatile("dsb\n\tisb" ::: "memory");
    tml_start();
}

#if TML_HAS_CACHES
/* Cortex-M7: both caches are off and hold garbage after reset.
 * Source: Armv7-M Architecture Reference Manual; Cortex-M7 Generic User Guide, cache maintenance. */
static void enable_caches(void)
{
    TML_REG(ICIALLU) = 0;
    __asm volatile("dsb\n\tisb" ::: "memory");
    tml_set_bits(CCR, CCR_INSTRUCTION_CACHE);
    if ((TML_REG(CCR) & CCR_DATA_CACHE) == 0) {
        TML_REG(CSSELR) = 0; /* level 1 data cache */
        __asm volatile("dsb" ::: "memory");
        const uint32_t shape = TML_REG(CCSIDR);
        const uint32_t last_set = (shape >> 13) & 0x7FFFu;
        const uint32_t last_way = (shape >> 3) & 0x3FFu;
        for (uint32_t set = 0; set <= last_set; set++) {
            for (uint32_t way = 0; way <= last_way; way++) {
                TML_REG(DCISW) = (way << 30) | (set << 5); /* 4 ways, lines of 32 bytes */
            }
        }
        __asm volatile("dsb" ::: "memory");
        tml_set_bits(CCR, CCR_DATA_CACHE);
    }
    __asm volatile("dsb\n\tisb" ::: "memory");
}
#endif

__attribute__((noinline)) void tml_start(void)
{
#ifndef TML_TIMER_COUNT
    tml_cycles_init(); /* as early as there is a stack: the time to boot is counted */
#endif
    /* Volatile: the compiler must not make a call of memset out of it, whose frame lies there. */
    volatile uint32_t *const frame = (uint32_t *)__builtin_frame_address(0);
    for (volatile uint32_t *word = _stack_bottom; word < frame - PAINT_MARGIN_WORDS; word++) {
        *word = STACK_PAINT;
    }
#if TML_HAS_CACHES
    enable_caches();
#endif
    const uint32_t *from = _data_load;
    for (uint32_t *to = _data_start; to < _data_end; to++) {
        *to = *from++;
    }
    for (const tml_zero_range *range = _zero_table_start; range < _zero_table_end; range++) {
        for (uint32_t *to = range->start; to < range->end; to++) {
            *to = 0;
        }
    }
    (void)main();
    for (;;) {
        __asm volatile("wfi");
    }
}

void tml_port_reset(void)
{
    tml_uart_drain();
    __asm volatile("dsb" ::: "memory");
    TML_REG(AIRCR) = AIRCR_RESET;
    __asm volatile("dsb" ::: "memory");
    for (;;) {
    }
}

uint32_t tml_port_stack_used(void)
{
    const volatile uint32_t *word = _stack_bottom;
    while (word < _stack_top && *word == STACK_PAINT) {
        word++;
    }
    return (uint32_t)((uintptr_t)_stack_top - (uintptr_t)word);
}
