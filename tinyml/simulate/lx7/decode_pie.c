/* decode_pie.c: instructions of the vector unit, found by the fixed bits of their words. */
#include "pie.h"

#include <string.h>

static const struct {
    const char *kind, *name;
    int number;
} names[] = {
#define OPERATION(name) {"operation", #name, PIE_##name},
    PIE_OPERATIONS(OPERATION)
#define ACCESS(name) {"access", #name, ACCESS_##name},
    PIE_ACCESSES(ACCESS)
#define STEP(name) {"step", #name, STEP_##name},
    PIE_STEPS(STEP)
#define ROLE(name) {"role", #name, ROLE_##name},
    ROLE(U) ROLE(X) ROLE(Y) ROLE(Z) ROLE(S0) ROLE(S1) ROLE(R) ROLE(S) ROLE(T) ROLE(IMM) ROLE(SELECT)
};

int lx7_number(const char *kind, const char *name)
{
    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
        if (strcmp(names[i].kind, kind) == 0 && strcmp(names[i].name, name) == 0) {
            return names[i].number;
        }
    }
    return -1;
}

static int32_t field_value(const lx7_field *field, uint32_t word)
{
    uint32_t value = 0;
    for (uint32_t bit = 0; bit < field->bits; ++bit) {
        value |= (word >> field->at[bit] & 1u) << bit;
    }
    if (field->is_signed) {
        value = (uint32_t)((int32_t)(value << (32 - field->bits)) >> (32 - field->bits));
    }
    return (int32_t)(value * field->scale);
}

static void set_operand(lx7_insn *insn, const lx7_field *field, uint32_t word)
{
    const int32_t value = field_value(field, word);
    uint8_t *const places[] = {&insn->qu, &insn->qx, &insn->qy, &insn->qz, &insn->qs0, &insn->qs1, &insn->r, &insn->s, &insn->t};
    if (field->role == ROLE_IMM) {
        insn->imm = value;
        return;
    }
    if (field->role == ROLE_SELECT) {
        insn->select |= (uint8_t)value;
        return;
    }
    *places[field->role] = (uint8_t)value;
    if (field->role >= ROLE_R) {
        const uint8_t quad = (uint8_t)((uint32_t)value >> 2);
        insn->quad = quad > insn->quad ? quad : insn->quad;
        insn->reads |= UINT64_C(1) << value;
    } else if (field->role != ROLE_U && field->role != ROLE_Z) {
        insn->reads |= UINT64_C(1) << (32 + value);
    }
}

#define Q(n) (UINT64_C(1) << (32 + (n)))
#define ACCX (UINT64_C(1) << 40)
#define QACC (UINT64_C(1) << 41)

/* What the pipeline delivers a stage later than others (manual, table 1.7-2): loads, products, sums of them. */
static uint64_t late(const lx7_insn *insn, uint32_t number)
{
    uint64_t registers = 0;
    if (insn->access >= ACCESS_vld_128 && insn->access <= ACCESS_ld_128_usar) {
        registers |= Q(insn->qu);
    }
    if ((number >= PIE_vmul_s8 && number <= PIE_vmul_u16) || number == PIE_cmul_s16 || number == PIE_vprelu_s8 ||
        number == PIE_vprelu_s16 || insn->access == ACCESS_vldhbc_16) {
        registers |= Q(insn->qz);
    }
    if (number >= PIE_fft_cmul_s16_ld_xp && number <= PIE_fft_ams_s16_st_incp) {
        const bool is_load = number != PIE_fft_cmul_s16_st_xp && number != PIE_fft_ams_s16_st_incp;
        registers |= is_load ? Q(insn->qu) | Q(insn->qz) : 0;
        registers |= number >= PIE_fft_ams_s16_ld_incp ? Q(insn->qs1) : 0;
    }
    if (number == PIE_vrelu_s8 || number == PIE_vrelu_s16) {
        registers |= Q(insn->qx);
    }
    if ((number >= PIE_vmulas_s8_accx && number <= PIE_vmulas_u16_accx) || insn->access == ACCESS_ld_accx) {
        registers |= ACCX;
    }
    if ((number >= PIE_vmulas_s8_qacc && number <= PIE_vmulas_u16_qacc) || number == PIE_vsmulas_s8_qacc ||
        number == PIE_vsmulas_s16_qacc || (insn->access >= ACCESS_ldqa_s8_128 && insn->access <= ACCESS_ld_qacc_l_l_128)) {
        registers |= QACC;
    }
    return registers;
}

/* The accumulators that are read a stage before sums are added to them. */
static uint64_t early(const lx7_insn *insn, uint32_t number)
{
    const bool is_load = insn->access >= ACCESS_ld_qacc_h_h_32 && insn->access <= ACCESS_ld_qacc_l_l_128;
    const bool is_store = insn->access >= ACCESS_st_qacc_h_h_32 && insn->access <= ACCESS_st_qacc_l_l_128;
    uint64_t registers = insn->access >= ACCESS_vst_128 && insn->access <= ACCESS_st_qr ? Q(insn->qu) : 0;
    registers |= number == PIE_srs_accx || insn->access == ACCESS_st_accx ? ACCX : 0;
    registers |= number == PIE_srcmb_s8_qacc || number == PIE_srcmb_s16_qacc || is_load || is_store ? QACC : 0;
    return registers;
}

bool lx7_decode_pie(const lx7_core *core, lx7_insn *insn, uint32_t word)
{
    for (uint32_t k = 0; k < core->forms; ++k) {
        const lx7_form *form = &core->form[k];
        if ((word & form->mask) != form->match) {
            continue;
        }
        insn->op = (uint16_t)(OP_PIE + form->operation);
        insn->access = form->access;
        insn->step = form->step;
        insn->nbytes = form->nbytes;
        insn->has_qup = form->has_qup;
        insn->r = insn->s = insn->t = 0;
        for (uint32_t f = 0; f < form->fields; ++f) {
            set_operand(insn, &form->field[f], word);
        }
        insn->late = late(insn, form->operation);
        insn->reads |= early(insn, form->operation);
        return true;
    }
    return false;
}
