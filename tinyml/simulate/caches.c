/* caches.c: set-associative caches, least recently used line out, lines filled piece by piece.
 *
 * Exact for the stream of fetches and accesses that it is given; what it leaves out: fetches beyond a
 * taken branch, the time until a fill is complete.
 */
#include "caches.h"

static const tml_span *span_of(const tml_span *spans, uint32_t count, uint32_t address)
{
    for (uint32_t i = 0; i < count; i++) {
        if (address - spans[i].base < spans[i].nbytes) {
            return &spans[i];
        }
    }
    return 0;
}

/* The place of a line, with nothing valid in it when it was not there. */
static uint32_t place_of(tml_cache *cache, uint32_t line)
{
    const uint32_t first = (line & cache->set_mask) * cache->ways;
    uint8_t *hint = &cache->hints[line & 255u];
    uint32_t oldest = first;
    if (cache->lines[first + *hint] == line + 1u) {
        return first + *hint;
    }
    for (uint32_t place = first; place < first + cache->ways; place++) {
        if (cache->lines[place] == line + 1u) {
            *hint = (uint8_t)(place - first);
            return place;
        }
        if (cache->used[place] < cache->used[oldest]) {
            oldest = place;
        }
    }
    cache->lines[oldest] = line + 1u;
    cache->valid[oldest] = 0;
    *hint = (uint8_t)(oldest - first);
    return oldest;
}

/* Cycles that bringing the missing pieces of a line takes. */
static uint32_t fill(tml_cache *cache, const tml_span *span, uint32_t first, uint32_t missing)
{
    uint32_t cycles = 0;
    for (; missing != 0; missing >>= 1, first += 1u << span->fill_shift) {
        if ((missing & 1u) != 0) {
            cycles += first == cache->next ? span->next_cycles : span->miss_cycles;
            cache->next = first + (1u << span->fill_shift);
            cache->misses++;
        }
    }
    return cycles;
}

/* Cycles that it takes until all of these bytes are in the cache, with what has to leave it; `owed` by a
 * line that is changed. */
static uint32_t touch(tml_caches *caches, const tml_span *span, uint32_t address, uint32_t nbytes,
                      uint32_t owed)
{
    tml_cache *cache = &caches->cache[span->cache];
    const uint32_t last = address + nbytes - 1u;
    uint32_t cycles = 0;
    for (uint32_t line = address >> cache->line_shift; line <= last >> cache->line_shift; line++) {
        const uint32_t start = line << cache->line_shift;
        const uint32_t end = start + (1u << cache->line_shift) - 1u;
        const uint32_t from = (address > start ? address - start : 0) >> span->fill_shift;
        const uint32_t to = ((last < end ? last : end) - start) >> span->fill_shift;
        const uint32_t wanted = (uint32_t)((2ull << to) - (1ull << from));
        const uint32_t place = place_of(cache, line);
        const uint32_t missing = wanted & ~cache->valid[place];
        cache->used[place] = ++cache->clock;
        if (cache->valid[place] == 0) { /* another line was here */
            cycles += cache->owed[place];
            cache->owed[place] = 0;
        }
        if (owed != 0) {
            cache->owed[place] = owed;
        }
        if (missing != 0) {
            cycles += fill(cache, span, start, missing);
            cache->valid[place] |= missing;
        }
    }
    return cycles;
}

uint32_t tml_cache_fetch(tml_caches *caches, uint32_t address, uint32_t nbytes)
{
    const tml_span *span = span_of(caches->fetch, caches->fetches, address);
    const uint32_t cycles = span == 0 ? 0 : touch(caches, span, address, nbytes, 0);
    caches->cycles += cycles;
    return cycles;
}

uint32_t tml_cache_access(tml_caches *caches, uint32_t address, uint32_t nbytes, int is_write)
{
    const tml_span *span = span_of(caches->access, caches->accesses, address);
    if (span == 0) {
        return 0;
    }
    const uint32_t waited = touch(caches, span, address, nbytes, is_write ? span->write_cycles : 0);
    const uint32_t cycles = is_write && span->write_cycles == 0 ? 0 : waited;
    caches->cycles += cycles;
    return cycles;
}
