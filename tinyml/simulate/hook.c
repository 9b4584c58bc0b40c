/* Counts instructions and cycles of an emulated core, once per executed basic block.
 *
 * The emulator calls tml_block before each block. What a block costs is asked of Python once and kept
 * in a hash table with linear probing; from then on nothing but this function runs. A block is known
 * by address and length, because the emulator may cut the same code differently.
 *
 * Built for the host on first use; the struct is mirrored in counter.py.
 */
#include "caches.h"

#define IT_STATE 0x0600FC00u /* of the program status register */
#define MEM_WRITE 17         /* UC_MEM_WRITE */

typedef struct {
    uint32_t address;
    uint32_t nbytes; /* 0: the slot is free */
    uint32_t instructions;
    uint32_t cycles;
    uint32_t taken; /* more cycles when the block that runs next does not follow in memory */
    uint32_t is_conditional; /* it has an IT block */
} tml_block_cost;

typedef struct tml_counter {
    uint64_t instructions;
    uint64_t cycles;
    uint64_t limit; /* the emulator is stopped before a block once cycles have reached this */
    uint32_t next;  /* address behind the last block */
    uint32_t taken; /* of the last block */
    uint32_t mask;  /* slots - 1; slots is a power of two */
    uint32_t used;  /* slots taken */
    uint32_t is_conditional; /* the block that is being executed */
    int32_t program_status;  /* the emulator's number of that register; -1: there is no IT state */
    tml_block_cost *slots;
    tml_caches *caches; /* 0: nothing waits for memory */
    int (*read_register)(void *engine, int number, void *value);
    int (*write_register)(void *engine, int number, const void *value);
    int (*stop)(void *engine);
    void (*miss)(uint32_t address, uint32_t nbytes, tml_block_cost *cost);
} tml_counter;

static tml_block_cost *find(tml_counter *counter, uint32_t address, uint32_t nbytes)
{
    uint32_t slot = (address >> 1) ^ (address >> 13) ^ (nbytes << 7);
    for (;; slot++) {
        tml_block_cost *cost = &counter->slots[slot & counter->mask];
        if (cost->address == address && cost->nbytes == nbytes) {
            return cost;
        }
        if (cost->nbytes == 0) {
            return cost;
        }
    }
}

void tml_block(void *engine, uint64_t where, uint32_t nbytes, void *user)
{
    tml_counter *counter = user;
    const uint32_t address = (uint32_t)where;
    if (counter->cycles >= counter->limit) {
        counter->stop(engine);
        return;
    }
    tml_block_cost *cost = find(counter, address, nbytes);
    if (cost->nbytes == 0) {
        if (counter->used > counter->mask / 2) { /* start over rather than probe for ever */
            for (uint32_t i = 0; i <= counter->mask; i++) {
                counter->slots[i].nbytes = 0;
            }
            counter->used = 0;
            cost = find(counter, address, nbytes);
        }
        counter->miss(address, nbytes, cost);
        cost->address = address;
        cost->nbytes = nbytes;
        counter->used++;
    }
    counter->instructions += cost->instructions;
    counter->cycles += cost->cycles;
    if (address != counter->next) {
        counter->cycles += counter->taken;
    }
    if (counter->caches != 0) {
        counter->cycles += tml_cache_fetch(counter->caches, address, nbytes);
    }
    counter->is_conditional = cost->is_conditional;
    counter->next = address + nbytes;
    counter->taken = cost->taken;
}

/* For an access within an IT block the emulator (unicorn 2.1) writes the IT state into the core before
 * it calls a hook, and forgets to clear it: the block after would run conditionally. */
static void clear_it_state(void *engine, int number, int (*read)(void *, int, void *),
                           int (*write)(void *, int, const void *))
{
    uint32_t status = 0;
    read(engine, number, &status);
    if ((status & IT_STATE) != 0) {
        status &= ~IT_STATE;
        write(engine, number, &status);
    }
}

/* Called at each access to memory behind a cache. */
void tml_access(void *engine, int type, uint64_t where, int nbytes, int64_t value, void *user)
{
    (void)value;
    tml_counter *counter = user;
    if (counter->caches == 0) {
        return;
    }
    if (counter->is_conditional && counter->program_status >= 0) {
        clear_it_state(engine, counter->program_status, counter->read_register,
                       counter->write_register);
    }
    counter->cycles
        += tml_cache_access(counter->caches, (uint32_t)where, (uint32_t)nbytes, type == MEM_WRITE);
}

typedef struct {
    int (*read_register)(void *engine, int number, void *value);
    int (*write_register)(void *engine, int number, const void *value);
    int32_t program_counter; /* the emulator's numbers of these registers */
    int32_t program_status;
    int (*judge)(uint32_t pc, uint32_t address, uint32_t nbytes); /* 1: this instruction may */
    uint32_t allowed[256]; /* instructions that may access unaligned words, by address */
} tml_alignment;

/* Called at each data access while alignment is checked. */
void tml_alignment_access(void *engine, int type, uint64_t where, int nbytes, int64_t value,
                          void *user)
{
    (void)type;
    (void)value;
    tml_alignment *alignment = user;
    clear_it_state(engine, alignment->program_status, alignment->read_register,
                   alignment->write_register);
    const uint32_t needed = nbytes > 4 ? 4 : (uint32_t)nbytes; /* doubles need a word's alignment */
    if ((where & (needed - 1)) == 0) {
        return;
    }
    uint32_t pc = 0;
    alignment->read_register(engine, alignment->program_counter, &pc);
    uint32_t *known = &alignment->allowed[(pc >> 1) & 255];
    if (*known != pc && alignment->judge(pc, (uint32_t)where, (uint32_t)nbytes)) {
        *known = pc;
    }
}
