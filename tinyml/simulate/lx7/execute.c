/* execute.c: runs the core, instruction by instruction. */
#include "inner.h"

#include <string.h>

#define FETCH_LINE 4 /* log2 of what is fetched together; lines of caches are not shorter */

uint8_t *lx7_memory(lx7_core *core, uint32_t address, uint32_t nbytes, bool is_write)
{
    for (uint32_t i = 0; i < core->regions; ++i) {
        lx7_region *region = &core->region[i];
        const uint32_t at = address - region->base;
        if (at < region->nbytes && region->nbytes - at >= nbytes) {
            if (is_write && !region->is_writable) {
                break;
            }
            if (core->caches != NULL) {
                core->cycles += tml_cache_access(core->caches, address, nbytes, is_write);
            }
            return region->bytes + at;
        }
    }
    core->fault_address = address;
    core->fault_bytes = nbytes;
    return NULL;
}

static bool load(lx7_core *core, uint32_t address, uint32_t nbytes, uint32_t *value)
{
    const uint8_t *bytes = lx7_memory(core, address, nbytes, false);
    *value = 0;
    if (bytes == NULL) {
        return false;
    }
    memcpy(value, bytes, nbytes);
    return true;
}

static bool store(lx7_core *core, uint32_t address, uint32_t nbytes, uint32_t value)
{
    uint8_t *bytes = lx7_memory(core, address, nbytes, true);
    if (bytes == NULL) {
        return false;
    }
    memcpy(bytes, &value, nbytes);
    return true;
}

static uint32_t leading_zeros(uint32_t value)
{
    return value == 0 ? 32 : (uint32_t)__builtin_clz(value);
}

static bool boolean(const lx7_core *core, uint32_t number)
{
    return core->special[4] >> number & 1u;
}

static void set_boolean(lx7_core *core, uint32_t number, bool value)
{
    core->special[4] = (core->special[4] & ~(1u << number)) | (uint32_t)value << number;
}

static void combine_booleans(lx7_core *core, const lx7_insn *i)
{
    const bool s = boolean(core, i->s);
    const bool t = boolean(core, i->t);
    const uint32_t four = core->special[4] >> (i->s & 12u) & 15u;
    const uint32_t eight = core->special[4] >> (i->s & 8u) & 255u;
    switch (i->op) {
    case OP_ANDB: set_boolean(core, i->r, s && t); break;
    case OP_ANDBC: set_boolean(core, i->r, s && !t); break;
    case OP_ORB: set_boolean(core, i->r, s || t); break;
    case OP_ORBC: set_boolean(core, i->r, s || !t); break;
    case OP_XORB: set_boolean(core, i->r, s != t); break;
    case OP_ANY4: set_boolean(core, i->t, four != 0); break;
    case OP_ALL4: set_boolean(core, i->t, four == 15); break;
    case OP_ANY8: set_boolean(core, i->t, eight != 0); break;
    default: set_boolean(core, i->t, eight == 255); break;
    }
}

/* The decoded instruction at an address; NULL where no code is. The region it lies in is most often the last one's. */
static lx7_insn *fetch(lx7_core *core, const lx7_region **last, lx7_stop *stop)
{
    const uint32_t there = core->pc - (*last)->base;
    if (there < (*last)->nbytes && (*last)->code != NULL && (*last)->code[there].op != OP_NONE) {
        return &(*last)->code[there];
    }
    for (uint32_t k = 0; k < core->regions; ++k) {
        const lx7_region *region = &core->region[k];
        const uint32_t at = core->pc - region->base;
        if (region->code == NULL || at >= region->nbytes) {
            continue;
        }
        lx7_insn *insn = &region->code[at];
        *last = region;
        if (insn->op == OP_NONE) {
            uint32_t word = 0;
            const uint32_t rest = region->nbytes - at;
            memcpy(&word, region->bytes + at, rest < 4 ? rest : 4);
            *stop = lx7_decode(core, insn, word, core->pc);
            if (*stop != LX7_UNTIL) {
                return NULL;
            }
        }
        return insn;
    }
    *stop = LX7_NO_CODE;
    return NULL;
}

#define R (*lx7_a(core, i->r))
#define S (*lx7_a(core, i->s))
#define T (*lx7_a(core, i->t))
#define TAKE(target)                    \
    do {                                \
        core->pc = (uint32_t)(target);  \
        core->cycles += core->timing.taken; \
        return LX7_UNTIL;               \
    } while (0)
#define BRANCH(condition) \
    if (condition) {      \
        TAKE(i->imm);     \
    }                     \
    break
#define LOAD(nbytes, address, use)                                  \
    do {                                                            \
        if (!load(core, (uint32_t)(address), nbytes, &value)) {     \
            return LX7_BAD_READ;                                    \
        }                                                           \
        use;                                                        \
    } while (0)
#define STORE(nbytes, address, what)                                \
    do {                                                            \
        if (!store(core, (uint32_t)(address), nbytes, what)) {      \
            return LX7_BAD_WRITE;                                   \
        }                                                           \
    } while (0)

static lx7_stop divide(lx7_core *core, const lx7_insn *i)
{
    const uint32_t s = S;
    const uint32_t t = T;
    if (t == 0) {
        return LX7_DIVIDE_BY_0;
    }
    const bool is_overflow = s == 0x80000000u && t == 0xFFFFFFFFu;
    core->cycles += core->timing.divide;
    switch (i->op) {
    case OP_QUOU: R = s / t; break;
    case OP_REMU: R = s % t; break;
    case OP_QUOS: R = is_overflow ? s : (uint32_t)((int32_t)s / (int32_t)t); break;
    default: R = is_overflow ? 0 : (uint32_t)((int32_t)s % (int32_t)t); break;
    }
    return LX7_UNTIL;
}

/* Sets up a loop whose body begins behind this instruction. */
static void begin_loop(lx7_core *core, const lx7_insn *i)
{
    core->lcount = S - 1;
    core->lbeg = core->pc + 3;
    core->lend = (uint32_t)i->imm;
}

static void call(lx7_core *core, uint32_t n, uint32_t target)
{
    *lx7_a(core, 4 * n) = n << 30 | ((core->pc + 3) & 0x3FFFFFFFu);
    core->ps = (core->ps & ~0x30000u) | n << 16;
    core->pc = target;
    core->cycles += core->timing.taken;
}

static uint32_t clamped(int32_t value, int32_t bits)
{
    const int32_t most = (int32_t)((1u << bits) - 1);
    return (uint32_t)(value > most ? most : value < -most - 1 ? -most - 1 : value);
}

static lx7_stop compare_and_store(lx7_core *core, const lx7_insn *i)
{
    uint32_t value;
    const uint32_t address = S + (uint32_t)i->imm;
    if (!load(core, address, 4, &value)) {
        return LX7_BAD_READ;
    }
    if (value == core->special[12] && !store(core, address, 4, T)) {
        return LX7_BAD_WRITE;
    }
    T = value;
    return LX7_UNTIL;
}

/* One instruction; sets the address of the next one. */
static inline lx7_stop execute(lx7_core *core, const lx7_insn *i)
{
    uint32_t value;
    uint32_t next = core->pc + i->nbytes;
    lx7_stop stop = LX7_UNTIL;
    switch (i->op) {
    case OP_ADD: R = S + T; break;
    case OP_ADDX2: R = (S << 1) + T; break;
    case OP_ADDX4: R = (S << 2) + T; break;
    case OP_ADDX8: R = (S << 3) + T; break;
    case OP_SUB: R = S - T; break;
    case OP_SUBX2: R = (S << 1) - T; break;
    case OP_SUBX4: R = (S << 2) - T; break;
    case OP_SUBX8: R = (S << 3) - T; break;
    case OP_AND: R = S & T; break;
    case OP_OR: R = S | T; break;
    case OP_XOR: R = S ^ T; break;
    case OP_NEG: R = 0u - T; break;
    case OP_ABS: R = (int32_t)T < 0 ? 0u - T : T; break;
    case OP_ADDI: T = S + (uint32_t)i->imm; break;
    case OP_MOVI: T = (uint32_t)i->imm; break;
    case OP_MOV: T = S; break;
    case OP_SLLI: R = i->imm == 32 ? 0 : S << i->imm; break;
    case OP_SRAI: R = (uint32_t)((int32_t)T >> i->imm); break;
    case OP_SRLI: R = T >> i->imm; break;
    case OP_EXTUI: R = T >> i->imm & (uint32_t)((UINT64_C(1) << i->select) - 1); break;
    case OP_SRC: R = (uint32_t)(((uint64_t)S << 32 | T) >> core->sar); break;
    case OP_SRL: R = (uint32_t)((uint64_t)T >> core->sar); break;
    case OP_SLL: R = (uint32_t)((uint64_t)S << 32 >> core->sar); break;
    case OP_SRA: R = (uint32_t)((int64_t)(int32_t)T >> core->sar); break;
    case OP_SSR: core->sar = S & 31u; break;
    case OP_SSL: core->sar = 32 - (S & 31u); break;
    case OP_SSA8L: core->sar = (S & 3u) * 8; break;
    case OP_SSA8B: core->sar = 32 - (S & 3u) * 8; break;
    case OP_SSAI: core->sar = (uint32_t)i->imm; break;
    case OP_NSA: T = leading_zeros(S ^ (uint32_t)((int32_t)S >> 31)) - 1; break;
    case OP_NSAU: T = leading_zeros(S); break;
    case OP_SEXT: R = (uint32_t)((int32_t)(S << (31 - i->imm)) >> (31 - i->imm)); break;
    case OP_CLAMPS: R = clamped((int32_t)S, i->imm); break;
    case OP_MIN: R = (int32_t)S < (int32_t)T ? S : T; break;
    case OP_MAX: R = (int32_t)S > (int32_t)T ? S : T; break;
    case OP_MINU: R = S < T ? S : T; break;
    case OP_MAXU: R = S > T ? S : T; break;
    case OP_SALT: R = (int32_t)S < (int32_t)T; break;
    case OP_SALTU: R = S < T; break;
    case OP_MULL: R = S * T; break;
    case OP_MULUH: R = (uint32_t)((uint64_t)S * T >> 32); break;
    case OP_MULSH: R = (uint32_t)((int64_t)(int32_t)S * (int32_t)T >> 32); break;
    case OP_MUL16U: R = (S & 0xFFFFu) * (T & 0xFFFFu); break;
    case OP_MUL16S: R = (uint32_t)((int16_t)S * (int16_t)T); break;
    case OP_QUOU:
    case OP_QUOS:
    case OP_REMU:
    case OP_REMS: stop = divide(core, i); break;
    case OP_MOVEQZ: R = T == 0 ? S : R; break;
    case OP_MOVNEZ: R = T != 0 ? S : R; break;
    case OP_MOVLTZ: R = (int32_t)T < 0 ? S : R; break;
    case OP_MOVGEZ: R = (int32_t)T >= 0 ? S : R; break;
    case OP_MOVF: R = boolean(core, i->t) ? R : S; break;
    case OP_MOVT: R = boolean(core, i->t) ? S : R; break;
    case OP_L8UI: LOAD(1, S + (uint32_t)i->imm, T = value); break;
    case OP_L16UI: LOAD(2, S + (uint32_t)i->imm, T = value); break;
    case OP_L16SI: LOAD(2, S + (uint32_t)i->imm, T = (uint32_t)(int16_t)value); break;
    case OP_L32I:
    case OP_L32E: LOAD(4, S + (uint32_t)i->imm, T = value); break;
    case OP_L32R: LOAD(4, i->imm, T = value); break;
    case OP_S8I: STORE(1, S + (uint32_t)i->imm, T); break;
    case OP_S16I: STORE(2, S + (uint32_t)i->imm, T); break;
    case OP_S32I:
    case OP_S32E: STORE(4, S + (uint32_t)i->imm, T); break;
    case OP_S32C1I: stop = compare_and_store(core, i); break;
    case OP_J: TAKE(i->imm);
    case OP_JX: TAKE(S);
    case OP_CALL0:
        *lx7_a(core, 0) = next;
        TAKE(i->imm);
    case OP_CALLX0:
        value = S;
        *lx7_a(core, 0) = next;
        TAKE(value);
    case OP_CALL: call(core, i->select, (uint32_t)i->imm); return LX7_UNTIL;
    case OP_CALLX: call(core, (uint32_t)i->imm, S); return LX7_UNTIL;
    case OP_RET: TAKE(*lx7_a(core, 0));
    case OP_RETW: core->cycles += core->timing.taken; return lx7_return_window(core);
    case OP_ENTRY: stop = lx7_enter_function(core, i); break;
    case OP_MOVSP:
        if (!lx7_moves_stack(core, i)) {
            return LX7_UNTIL;
        }
        break;
    case OP_ROTW: core->window_base = (core->window_base + (uint32_t)i->imm) & 15u; break;
    case OP_RFWO:
    case OP_RFWU:
        core->window_start = i->op == OP_RFWO ? core->window_start & ~(1u << core->window_base)
                                              : core->window_start | 1u << core->window_base;
        core->window_base = PS_OWB(core->ps);
        core->ps &= ~PS_EXCM;
        TAKE(core->special[SR_EPC1]);
    case OP_RFE:
        core->ps &= ~PS_EXCM;
        TAKE(core->special[SR_EPC1]);
    case OP_BEQZ: BRANCH(S == 0);
    case OP_BNEZ: BRANCH(S != 0);
    case OP_BLTZ: BRANCH((int32_t)S < 0);
    case OP_BGEZ: BRANCH((int32_t)S >= 0);
    case OP_BEQI: BRANCH((int32_t)S == i->constant);
    case OP_BNEI: BRANCH((int32_t)S != i->constant);
    case OP_BLTI: BRANCH((int32_t)S < i->constant);
    case OP_BGEI: BRANCH((int32_t)S >= i->constant);
    case OP_BLTUI: BRANCH(S < (uint32_t)i->constant);
    case OP_BGEUI: BRANCH(S >= (uint32_t)i->constant);
    case OP_BNONE: BRANCH((S & T) == 0);
    case OP_BEQ: BRANCH(S == T);
    case OP_BLT: BRANCH((int32_t)S < (int32_t)T);
    case OP_BLTU: BRANCH(S < T);
    case OP_BALL: BRANCH((~S & T) == 0);
    case OP_BBC: BRANCH(!(S >> (T & 31u) & 1u));
    case OP_BBCI: BRANCH(!(S >> i->select & 1u));
    case OP_BANY: BRANCH((S & T) != 0);
    case OP_BNE: BRANCH(S != T);
    case OP_BGE: BRANCH((int32_t)S >= (int32_t)T);
    case OP_BGEU: BRANCH(S >= T);
    case OP_BNALL: BRANCH((~S & T) != 0);
    case OP_BBS: BRANCH(S >> (T & 31u) & 1u);
    case OP_BBSI: BRANCH(S >> i->select & 1u);
    case OP_BF: BRANCH(!boolean(core, i->s));
    case OP_BT: BRANCH(boolean(core, i->s));
    case OP_LOOP: begin_loop(core, i); break;
    case OP_LOOPNEZ:
        value = S;
        begin_loop(core, i);
        BRANCH(value == 0);
    case OP_LOOPGTZ:
        value = S;
        begin_loop(core, i);
        BRANCH((int32_t)value <= 0);
    case OP_ANDB:
    case OP_ANDBC:
    case OP_ORB:
    case OP_ORBC:
    case OP_XORB:
    case OP_ANY4:
    case OP_ALL4:
    case OP_ANY8:
    case OP_ALL8: combine_booleans(core, i); break;
    case OP_RSR: T = lx7_special_register(core, (uint32_t)i->imm); break;
    case OP_WSR: lx7_set_special_register(core, (uint32_t)i->imm, T); break;
    case OP_XSR:
        value = lx7_special_register(core, (uint32_t)i->imm);
        lx7_set_special_register(core, (uint32_t)i->imm, T);
        T = value;
        break;
    case OP_RSIL:
        T = core->ps;
        core->ps = (core->ps & ~15u) | i->s;
        break;
    case OP_RUR: R = lx7_user_register(core, (uint32_t)i->imm); break;
    case OP_WUR: lx7_set_user_register(core, (uint32_t)i->imm, T); break;
    case OP_NOP: break;
    case OP_SIMCALL: stop = LX7_CALL; break;
    case OP_STOP: return LX7_EXCEPTION;
    default: stop = i->op >= OP_PIE ? lx7_pie(core, i) : lx7_float(core, i); break;
    }
    if (stop != LX7_UNTIL && stop != LX7_CALL) {
        return stop;
    }
    if (next == core->lend && core->lcount != 0 && !(core->ps & PS_EXCM)) {
        --core->lcount;
        next = core->lbeg;
    }
    core->pc = next;
    return stop;
}

int lx7_run(lx7_core *core, uint32_t until, uint64_t cycles)
{
    const uint64_t end = cycles > UINT64_MAX - core->cycles ? UINT64_MAX : core->cycles + cycles;
    const lx7_region *last = &core->region[0];
    while (core->pc != until) {
        if (core->cycles >= end) {
            return LX7_LIMIT;
        }
        lx7_stop stop = LX7_UNTIL;
        const lx7_insn *insn = fetch(core, &last, &stop);
        if (insn == NULL) {
            return stop;
        }
        if (core->caches != NULL && core->pc >> FETCH_LINE != core->line) {
            core->line = core->pc >> FETCH_LINE;
            core->cycles += tml_cache_fetch(core->caches, core->line << FETCH_LINE, 1);
        }
        const uint32_t quad = insn->op == OP_ENTRY ? PS_CALLINC(core->ps) : insn->quad;
        if (quad != 0 && lx7_overflows(core, quad)) {
            continue;
        }
        core->cycles += insn->cost + ((insn->reads & core->late) != 0 ? core->timing.late : 0);
        core->late = insn->late;
        ++core->instructions;
        stop = execute(core, insn);
        if (stop != LX7_UNTIL) {
            return stop;
        }
    }
    return LX7_UNTIL;
}

uint32_t lx7_core_bytes(void)
{
    return sizeof(lx7_core);
}

uint32_t lx7_insn_bytes(void)
{
    return sizeof(lx7_insn);
}
