/* second_core.c: tml_both.h on RP2040 and RP2350, where core 1 waits for work in a loop of its own.
 *
 * After reset core 1 stands in the boot ROM, which wants six words through the FIFO between the cores and sends each
 * back: 0, 0, 1, vector table, stack, entry. A wrong answer means that it begins anew. Where nobody answers (an
 * emulator with one core, a debugger that holds core 1) all halves run on core 0.
 * Source: RP2040 data sheet 2.8.2 (launching code on core 1), 2.3.1 (SIO); RP2350 data sheet 5.3, 3.1.
 */
#include <stddef.h>

#include "../port.h"
#include "tml_both.h"

#define FIFO_STATUS 0xD0000050u
#define FIFO_WRITE 0xD0000054u
#define FIFO_READ 0xD0000058u
#define HAS_WORD 1u
#define HAS_ROOM 2u
#define FIFO_WORDS 8
#define ATTEMPTS 4
#define WORDS 6

#define VTOR 0xE000ED08u
#define CPACR 0xE000ED88u
#define CPACR_FULL_ACCESS (0xFu << 20)

#ifndef TML_CORE_WAKE
#define TML_CORE_BARRIER() __asm volatile("dmb" ::: "memory")
#define TML_CORE_WAKE() __asm volatile("sev" ::: "memory")
#define TML_CORE_SLEEP() \
    __asm volatile("wfe" ::: "memory") /* returns at once after a wake-up in between */
#endif

static uint32_t stack[TML_STACK_BYTES / sizeof(uint32_t)] __attribute__((aligned(8)));
static void (*volatile work)(void); /* NULL: core 1 has nothing to do */
static bool is_started;

static void wait_for_work(void)
{
#if defined(__ARM_FP)
    tml_set_bits(CPACR, CPACR_FULL_ACCESS); /* each core has its own */
    __asm volatile("dsb\n\tisb" ::: "memory");
#endif
    for (;;) {
        if (work == NULL) {
            TML_CORE_SLEEP();
            continue;
        }
        TML_CORE_BARRIER(); /* then what core 0 has written is read */
        work();
        TML_CORE_BARRIER();
        work = NULL;
        TML_CORE_WAKE();
    }
}

static bool is_sent(uint32_t word)
{
    if (!tml_wait(FIFO_STATUS, HAS_ROOM, HAS_ROOM)) {
        return false;
    }
    TML_REG(FIFO_WRITE) = word;
    TML_CORE_WAKE();
    return tml_wait(FIFO_STATUS, HAS_WORD, HAS_WORD) && TML_REG(FIFO_READ) == word;
}

static bool is_launched(void)
{
    const uint32_t words[WORDS] = {
        0,
        0,
        1,
        TML_REG(VTOR),
        (uint32_t)(uintptr_t)(stack + TML_STACK_BYTES / sizeof(uint32_t)),
        (uint32_t)(uintptr_t)wait_for_work,
    };
    for (int32_t i = 0; i < WORDS; ++i) {
        for (int32_t left = FIFO_WORDS; words[i] == 0 && left > 0; --left) {
            if ((TML_REG(FIFO_STATUS) & HAS_WORD) != 0) {
                (void)TML_REG(FIFO_READ);
            }
        }
        if (!is_sent(words[i])) {
            return false;
        }
    }
    return true;
}

void tml_both_start(void)
{
    for (int32_t left = ATTEMPTS; left > 0 && !is_started; --left) {
        is_started = is_launched();
    }
}

void tml_both(void (*here)(void), void (*there)(void))
{
    if (!is_started) {
        here();
        there();
        return;
    }
    TML_CORE_BARRIER();
    work = there;
    TML_CORE_BARRIER();
    TML_CORE_WAKE();
    here();
    while (work != NULL) {
        TML_CORE_SLEEP();
    }
    TML_CORE_BARRIER(); /* then what core 1 has written is read */
}
