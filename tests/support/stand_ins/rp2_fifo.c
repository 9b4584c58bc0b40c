/* rp2_fifo.c: the FIFO between the cores of an RP2040 and what its boot ROM does on core 1, on a PC.
 *
 * Core 1 begins anew after each word that is not the one it waits for; here it is deaf to the first words, too. Its
 * loop runs on a thread. What it is started with is looked at, then a thousand pairs of functions are run.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t written, answer, status = 3, vector_table = 0x10000100u, seen[6], deaf = 2;
static int step, is_written;
static int events[2]; /* of each core */
static __thread int core;
static pthread_t thread;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER;

#define TML_CORE_BARRIER() __sync_synchronize()
#define TML_CORE_WAKE() wake()
#define TML_CORE_SLEEP() nap()
#define TML_REG(address) (*reg(address))

/* As SEV and WFE: a wake-up that comes before the sleep is not lost. */
static void wake(void)
{
    pthread_mutex_lock(&mutex);
    events[0] = events[1] = 1;
    pthread_cond_broadcast(&woken);
    pthread_mutex_unlock(&mutex);
}

static void nap(void)
{
    pthread_mutex_lock(&mutex);
    while (events[core] == 0) {
        pthread_cond_wait(&woken, &mutex);
    }
    events[core] = 0;
    pthread_mutex_unlock(&mutex);
}

static volatile uint32_t *reg(uint32_t address);

#include "port/rp2/second_core.c"

static void *core_1(void *unused)
{
    (void)unused;
    core = 1;
    wait_for_work();
    return NULL;
}

static void boot_rom(uint32_t word)
{
    static const uint32_t wanted[3] = {0, 0, 1};
    if (deaf > 0) {
        --deaf;
        answer = 0xFFFFFFFFu;
    } else {
        answer = word;
        seen[step] = word;
        step = step >= 3 || word == wanted[step] ? step + 1 : 0;
    }
    status |= HAS_WORD;
    if (step == WORDS) {
        (void)pthread_create(&thread, NULL, core_1, NULL);
    }
}

static volatile uint32_t *reg(uint32_t address)
{
    static uint32_t scrap;
    if (is_written) {
        is_written = 0;
        boot_rom(written);
    }
    switch (address) {
    case FIFO_STATUS: return &status;
    case FIFO_WRITE: is_written = 1; return &written;
    case FIFO_READ: status &= ~HAS_WORD; return &answer;
    case VTOR: return &vector_table;
    default: scrap = 0; return &scrap;
    }
}

static int counts[2];
static pthread_t threads[2];

static void here(void)
{
    ++counts[0];
    threads[0] = pthread_self();
}

static void there(void)
{
    ++counts[1];
    threads[1] = pthread_self();
}

int main(int argc, char **argv)
{
    (void)argv;
    const int is_mute = argc > 1;
    if (is_mute) {
        deaf = UINT32_MAX;
    }
    tml_both(here, there); /* before it is started */
    const int is_alone = pthread_equal(threads[0], threads[1]);
    tml_both_start();
    tml_both_start();
    for (int i = 1; i < 1000; ++i) {
        tml_both(here, there);
        if (counts[0] != i + 1 || counts[1] != i + 1) {
            return 2;
        }
    }
    const int is_shared = !pthread_equal(threads[0], threads[1]);
    const uint32_t top = (uint32_t)(uintptr_t)(stack + TML_STACK_BYTES / sizeof(uint32_t));
    const int is_right = seen[3] == vector_table && seen[4] == top
        && seen[5] == (uint32_t)(uintptr_t)wait_for_work;
    printf("alone %d shared %d right %d\n", is_alone, is_shared, is_right);
    return 0;
}
