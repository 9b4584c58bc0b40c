/* windows.c: register windows, and the vectors that save and bring back a caller's registers. */
#include "inner.h"

enum { CAUSE_ALLOCA = 5 };
/* The vectors of a core with windows, from VECBASE. */
static const uint32_t overflow_vector[4] = {0, 0x00, 0x80, 0x100};
static const uint32_t underflow_vector[4] = {0, 0x40, 0xC0, 0x140};
enum { USER_VECTOR = 0x340 };

static bool is_live(const lx7_core *core, uint32_t ahead)
{
    return core->window_start >> ((core->window_base + ahead) & 15u) & 1u;
}

/* Which quarters of the window, counted from 1, hold registers of a caller further up: bits. */
static uint32_t foreign_quarters(const lx7_core *core)
{
    const uint32_t twice = core->window_start | core->window_start << 16;
    return twice >> (core->window_base + 1) & 7u;
}

static void enter_vector(lx7_core *core, uint32_t vector)
{
    core->special[SR_EPC1] = core->pc;
    core->ps |= PS_EXCM;
    core->pc = core->special[SR_VECBASE] + vector;
}

/* Takes the exception that saves a caller's registers, when an instruction touches them. */
bool lx7_overflows(lx7_core *core, uint32_t quad)
{
    const uint32_t hit = foreign_quarters(core) & ((1u << quad) - 1u);
    if (hit == 0 || !(core->ps & PS_WOE) || (core->ps & PS_EXCM)) {
        return false;
    }
    const uint32_t n = (hit & 1u) ? 1 : (hit & 2u) ? 2 : 3;
    core->ps = (core->ps & ~0xF00u) | core->window_base << 8;
    const uint32_t size = is_live(core, n + 1) ? 1 : is_live(core, n + 2) ? 2 : 3;
    enter_vector(core, overflow_vector[size]);
    core->window_base = (core->window_base + n) & 15u;
    return true;
}

/* Turns the window back to the caller; its registers are reloaded by a vector if they were saved. */
lx7_stop lx7_return_window(lx7_core *core)
{
    const uint32_t n = core->a[core->window_base * 4] >> 30;
    const uint32_t target = (core->pc & 0xC0000000u) | (core->a[core->window_base * 4] & 0x3FFFFFFFu);
    const uint32_t owner = core->window_base;
    const uint32_t m = is_live(core, 15) ? 1 : is_live(core, 14) ? 2 : is_live(core, 13) ? 3 : 0;
    if (n == 0 || (m != 0 && m != n) || !(core->ps & PS_WOE) || (core->ps & PS_EXCM)) {
        return LX7_WINDOW;
    }
    core->window_base = (owner - n) & 15u;
    if (is_live(core, 0)) {
        core->window_start &= ~(1u << owner);
        core->pc = target;
    } else {
        core->ps = (core->ps & ~0xF00u) | owner << 8;
        --core->instructions; /* it is executed again */
        enter_vector(core, underflow_vector[n]);
    }
    return LX7_UNTIL;
}

lx7_stop lx7_enter_function(lx7_core *core, const lx7_insn *i)
{
    const uint32_t callinc = PS_CALLINC(core->ps);
    if (i->s > 3 || !(core->ps & PS_WOE) || (core->ps & PS_EXCM)) {
        return LX7_WINDOW;
    }
    core->a[((core->window_base + callinc) * 4 + i->s) & 63u] = *lx7_a(core, i->s) - (uint32_t)i->imm;
    core->window_base = (core->window_base + callinc) & 15u;
    core->window_start |= 1u << core->window_base;
    return LX7_UNTIL;
}

/* Where the caller's registers are saved, MOVSP leaves it to a vector to bring them back. */
bool lx7_moves_stack(lx7_core *core, const lx7_insn *i)
{
    if (is_live(core, 15) || is_live(core, 14) || is_live(core, 13)) {
        *lx7_a(core, i->t) = *lx7_a(core, i->s);
        return true;
    }
    core->special[SR_EXCCAUSE] = CAUSE_ALLOCA;
    --core->instructions;
    enter_vector(core, USER_VECTOR);
    return false;
}
