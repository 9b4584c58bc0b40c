/* vector.h: the vector unit's registers as lanes. */
#ifndef TML_VECTOR_H
#define TML_VECTOR_H

#include "pie.h"

#include <string.h>

typedef union {
    uint8_t u8[16];
    int8_t s8[16];
    uint16_t u16[8];
    int16_t s16[8];
    uint32_t u32[4];
    int32_t s32[4];
} vector;

static inline int64_t saturated(int64_t value, uint32_t bits)
{
    const int64_t most = (INT64_C(1) << (bits - 1)) - 1;
    return value > most ? most : value < -most - 1 ? -most - 1 : value;
}

static inline int64_t lane20(const lx7_core *core, uint32_t lane)
{
    return (int32_t)(core->qacc[lane] << 12) >> 12;
}

static inline void set_lane20(lx7_core *core, uint32_t lane, int64_t value)
{
    core->qacc[lane] = (uint32_t)value & 0xFFFFFu;
}

static inline uint64_t raw40(const lx7_core *core, uint32_t lane)
{
    return core->qacc[2 * lane] | (uint64_t)core->qacc[2 * lane + 1] << 20;
}

static inline int64_t lane40(const lx7_core *core, uint32_t lane)
{
    return (int64_t)(raw40(core, lane) << 24) >> 24;
}

static inline void set_lane40(lx7_core *core, uint32_t lane, int64_t value)
{
    core->qacc[2 * lane] = (uint32_t)value & 0xFFFFFu;
    core->qacc[2 * lane + 1] = (uint32_t)(value >> 20) & 0xFFFFFu;
}

/* Values of a vector's lanes by the type of an operation: 0 s8, 1 s16, 2 s32, 3 u8, 4 u16. */
static inline int64_t lane_of(const vector *v, uint32_t type, uint32_t lane)
{
    switch (type) {
    case 0: return v->s8[lane];
    case 1: return v->s16[lane];
    case 2: return v->s32[lane];
    case 3: return v->u8[lane];
    default: return v->u16[lane];
    }
}

static inline void set_lane(vector *v, uint32_t type, uint32_t lane, int64_t value)
{
    switch (type) {
    case 0:
    case 3: v->u8[lane] = (uint8_t)value; break;
    case 1:
    case 4: v->u16[lane] = (uint16_t)value; break;
    default: v->u32[lane] = (uint32_t)value; break;
    }
}

static const uint32_t lanes_of[5] = {16, 8, 4, 16, 8};
static const uint32_t bits_of[5] = {8, 16, 32, 8, 16};

static inline void fill_lanes(lx7_core *core, const vector *from, uint32_t type)
{
    for (uint32_t k = 0; k < lanes_of[type]; ++k) {
        if (bits_of[type] == 8) {
            set_lane20(core, k, lane_of(from, type, k));
        } else {
            set_lane40(core, k, lane_of(from, type, k));
        }
    }
}

static inline void broadcast(vector *v, const uint8_t *bytes, uint32_t nbytes)
{
    for (uint32_t k = 0; k < 16; k += nbytes) {
        memcpy(&v->u8[k], bytes, nbytes);
    }
}

/* An instruction for Fourier transforms, whole (fft.c). */
lx7_stop lx7_fft(lx7_core *core, const lx7_insn *i);

/* What an access reads or writes, and how many bytes (pie_memory.c). */
uint32_t pie_access_bytes(uint32_t access);
void pie_read(lx7_core *core, const lx7_insn *i, const uint8_t *bytes, vector *u, vector *second);
void pie_write(const lx7_core *core, const lx7_insn *i, uint8_t *bytes, const vector *u);

#endif
