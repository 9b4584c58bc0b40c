/* float.c: the single-precision unit. Rounding is to the nearest, as after reset. */
#include "lx7.h"

#include <math.h>
#include <string.h>

#define FR core->f.value[i->r]
#define FS core->f.value[i->s]
#define FT core->f.value[i->t]
#define RB core->f.bits[i->r]
#define SB core->f.bits[i->s]

static lx7_stop access(lx7_core *core, const lx7_insn *i)
{
    const bool is_indexed = i->op >= OP_LSX && i->op <= OP_SSXP;
    const bool is_store = i->op == OP_SSI || i->op == OP_SSIP || i->op == OP_SSX || i->op == OP_SSXP;
    const bool is_after = i->op == OP_LSIP || i->op == OP_SSIP || i->op == OP_LSXP || i->op == OP_SSXP;
    const uint32_t step = is_indexed ? *lx7_a(core, i->t) : (uint32_t)i->imm;
    const uint32_t base = *lx7_a(core, i->s);
    const uint32_t address = is_after ? base : base + step;
    uint32_t *value = &core->f.bits[is_indexed ? i->r : i->t];
    uint8_t *bytes = lx7_memory(core, address, 4, is_store);
    if (bytes == NULL) {
        return is_store ? LX7_BAD_WRITE : LX7_BAD_READ;
    }
    memcpy(is_store ? (void *)bytes : (void *)value, is_store ? (const void *)value : (const void *)bytes, 4);
    if (is_after) {
        *lx7_a(core, i->s) = base + step;
    }
    return LX7_UNTIL;
}

/* A rounded value as an integer that saturates; what is not a number becomes the greatest. */
static uint32_t as_signed(double value)
{
    if (isnan(value)) {
        return 0x7FFFFFFFu;
    }
    return (uint32_t)(value >= 2147483647.0 ? 2147483647 : value <= -2147483648.0 ? INT32_MIN : (int32_t)value);
}

static uint32_t as_unsigned(double value)
{
    if (isnan(value)) {
        return 0xFFFFFFFFu;
    }
    if (value < 0) { /* of negative numbers the bits of the signed result stay */
        return value <= -2147483648.0 ? 0x80000000u : (uint32_t)(int32_t)value;
    }
    return value >= 4294967295.0 ? 0xFFFFFFFFu : (uint32_t)value;
}

static void set_boolean(lx7_core *core, uint32_t number, bool value)
{
    core->special[4] = (core->special[4] & ~(1u << number)) | (uint32_t)value << number;
}

static float constant(uint32_t number, bool *is_known)
{
    static const float values[4] = {0.0f, 1.0f, 2.0f, 0.5f};
    *is_known = number < 4;
    return values[number & 3u];
}

/* One that the manual defines by a table of approximations is not emulated. */
lx7_stop lx7_float(lx7_core *core, const lx7_insn *i)
{
    if (i->op >= OP_LSI && i->op <= OP_SSXP) {
        return access(core, i);
    }
    const bool is_nan = isnan(FS) || isnan(FT);
    const double scaled = ldexp((double)FS, i->t);
    bool is_known = true;
    switch (i->op) {
    case OP_ADD_S: FR = FS + FT; break;
    case OP_SUB_S: FR = FS - FT; break;
    case OP_MUL_S: FR = FS * FT; break;
    case OP_MADD_S: FR = fmaf(FS, FT, FR); break;
    case OP_MSUB_S: FR = fmaf(-FS, FT, FR); break;
    case OP_ROUND_S: *lx7_a(core, i->r) = as_signed(rint(scaled)); break;
    case OP_TRUNC_S: *lx7_a(core, i->r) = as_signed(trunc(scaled)); break;
    case OP_FLOOR_S: *lx7_a(core, i->r) = as_signed(floor(scaled)); break;
    case OP_CEIL_S: *lx7_a(core, i->r) = as_signed(ceil(scaled)); break;
    case OP_UTRUNC_S: *lx7_a(core, i->r) = as_unsigned(trunc(scaled)); break;
    case OP_FLOAT_S: FR = (float)ldexp((double)(int32_t)*lx7_a(core, i->s), -i->t); break;
    case OP_UFLOAT_S: FR = (float)ldexp((double)*lx7_a(core, i->s), -i->t); break;
    case OP_MOV_S: RB = SB; break;
    case OP_ABS_S: RB = SB & 0x7FFFFFFFu; break;
    case OP_NEG_S: RB = SB ^ 0x80000000u; break;
    case OP_RFR: *lx7_a(core, i->r) = SB; break;
    case OP_WFR: RB = *lx7_a(core, i->s); break;
    case OP_CONST_S: FR = constant(i->s, &is_known); break;
    case OP_UN_S: set_boolean(core, i->r, is_nan); break;
    case OP_OEQ_S: set_boolean(core, i->r, FS == FT); break;
    case OP_UEQ_S: set_boolean(core, i->r, is_nan || FS == FT); break;
    case OP_OLT_S: set_boolean(core, i->r, FS < FT); break;
    case OP_ULT_S: set_boolean(core, i->r, is_nan || FS < FT); break;
    case OP_OLE_S: set_boolean(core, i->r, FS <= FT); break;
    case OP_ULE_S: set_boolean(core, i->r, is_nan || FS <= FT); break;
    case OP_MOVEQZ_S: RB = *lx7_a(core, i->t) == 0 ? SB : RB; break;
    case OP_MOVNEZ_S: RB = *lx7_a(core, i->t) != 0 ? SB : RB; break;
    case OP_MOVLTZ_S: RB = (int32_t)*lx7_a(core, i->t) < 0 ? SB : RB; break;
    case OP_MOVGEZ_S: RB = (int32_t)*lx7_a(core, i->t) >= 0 ? SB : RB; break;
    case OP_MOVF_S: RB = core->special[4] >> i->t & 1u ? RB : SB; break;
    case OP_MOVT_S: RB = core->special[4] >> i->t & 1u ? SB : RB; break;
    default: is_known = false; break;
    }
    return is_known ? LX7_UNTIL : LX7_UNKNOWN;
}
