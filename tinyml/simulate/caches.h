/* caches.h: what fetches, reads and writes wait for that go through caches to slow memory.
 *
 * The structs are mirrored in caches.py, which also has the same model in Python.
 */
#ifndef TML_CACHES_H
#define TML_CACHES_H

#include <stdint.h>

#define TML_MOST_SPANS 8
#define TML_MOST_CACHES 4

typedef struct {
    uint32_t base;
    uint32_t nbytes;
    uint32_t fill_shift;   /* log2 of the bytes that one access to the memory brings */
    uint32_t miss_cycles;  /* more cycles that such an access takes */
    uint32_t next_cycles;  /* the same, when it follows the last one in memory */
    uint32_t write_cycles; /* to write a changed line back; 0: writes wait for nothing */
    uint32_t cache;        /* which one stands before it */
} tml_span;

typedef struct {
    uint32_t line_shift; /* log2 of the bytes of a line */
    uint32_t set_mask;   /* sets - 1; a power of two */
    uint32_t ways;
    uint32_t next;   /* address behind the last fill */
    uint64_t clock;  /* counts uses, for the order in which lines were used */
    uint64_t misses; /* fills so far that were waited for */
    uint64_t *used;  /* [set][way]: clock of the last use */
    uint32_t *lines; /* [set][way]: number of the line + 1; 0: empty */
    uint32_t *valid; /* [set][way]: a bit for each piece of the line that is there */
    uint32_t *
        owed; /* [set][way]: cycles until the line is written back, before another one takes its place */
    uint8_t hints[256];
} tml_cache;

typedef struct {
    uint64_t cycles; /* waited so far */
    uint32_t fetches;
    uint32_t accesses;
    tml_span fetch[TML_MOST_SPANS]; /* memory that instructions come from */
    tml_span access[TML_MOST_SPANS];
    tml_cache cache[TML_MOST_CACHES];
} tml_caches;

/* More cycles that the fetch of a block takes. */
uint32_t tml_cache_fetch(tml_caches *caches, uint32_t address, uint32_t nbytes);

/* More cycles that an access to data takes; a write brings lines, and waits where lines are written back. */
uint32_t tml_cache_access(tml_caches *caches, uint32_t address, uint32_t nbytes, int is_write);

#endif
