/* lx7.h: an emulated Xtensa LX7 core as in the ESP32-S3, with its vector unit (PIE).
 *
 * Instructions are decoded once and kept by address. Only exceptions that the register windows need are
 * taken (overflow, underflow, MOVSP); everything else that the chip would trap on ends the run and is said.
 * Source: Cadence, Xtensa Instruction Set Architecture Reference Manual; Espressif, ESP32-S3 Technical
 * Reference Manual, chapter 1 (vector unit).
 */
#ifndef TML_LX7_H
#define TML_LX7_H

#include "../caches.h"

#include <stdbool.h>
#include <stdint.h>

#define LX7_REGIONS 16
#define LX7_FIELDS 8     /* operands of a vector instruction */
#define LX7_FIELD_BITS 8 /* of an operand */

/* Why the core stopped. */
typedef enum {
    LX7_UNTIL,       /* it is about to execute what is at the address that was given */
    LX7_LIMIT,       /* the cycles that it was given are used up */
    LX7_CALL,        /* SIMCALL: it asks its host */
    LX7_NO_CODE,     /* it jumped to where no code is */
    LX7_ILLEGAL,     /* an instruction that the core does not have */
    LX7_UNKNOWN,     /* one that is not emulated, or whose result nobody has published */
    LX7_BAD_READ,    /* memory that does not exist */
    LX7_BAD_WRITE,   /* or cannot be written */
    LX7_DIVIDE_BY_0,
    LX7_WINDOW,      /* a return to no caller */
    LX7_EXCEPTION,   /* BREAK, SYSCALL, WAITI, or an exception within one */
} lx7_stop;

/* A decoded instruction. Its meaning of r, s, t is that of the manual's formats. */
typedef struct {
    uint64_t reads; /* registers whose values it needs: bit 0 to 15 a, 16 to 31 f, 32 to 39 q */
    uint64_t late;  /* registers that get theirs one cycle later than others */
    int32_t imm;
    int32_t constant; /* that a branch compares with */
    uint16_t op; /* lx7_op; 0: not decoded yet */
    uint8_t nbytes;
    uint8_t quad;  /* highest of the four quarters of the window that it touches */
    uint8_t cost;  /* cycles but for stalls and taken branches */
    uint8_t r, s, t;
    uint8_t access, step; /* of a vector instruction: pie_access, pie_step */
    uint8_t qu, qx, qy, qz, qs0, qs1;
    uint8_t select;
    uint8_t has_qup;
} lx7_insn;

/* Memory that exists. */
typedef struct {
    uint32_t base, nbytes;
    uint8_t *bytes;
    lx7_insn *code; /* one per byte, or NULL where nothing is executed */
    uint32_t is_writable;
} lx7_region;

/* Where an operand of a vector instruction lies, lowest bit first. */
typedef struct {
    uint8_t role; /* lx7_role */
    uint8_t bits;
    uint8_t is_signed, scale;
    uint8_t at[LX7_FIELD_BITS];
} lx7_field;

/* One vector instruction: the words with these bits. */
typedef struct {
    uint32_t mask, match;
    uint8_t nbytes, operation, access, step, has_qup, fields;
    lx7_field field[LX7_FIELDS];
} lx7_form;

typedef enum { ROLE_U, ROLE_X, ROLE_Y, ROLE_Z, ROLE_S0, ROLE_S1, ROLE_R, ROLE_S, ROLE_T, ROLE_IMM, ROLE_SELECT } lx7_role;

/* Cycles, from the core's data file. */
typedef struct {
    uint32_t taken;    /* more for a taken branch, jump, call or return */
    uint32_t divide;   /* a quotient or remainder */
    uint32_t late;     /* a result that comes late delays its reader by */
} lx7_timing;

typedef struct {
    uint32_t pc, a[64], window_base, window_start, sar;
    uint32_t lbeg, lend, lcount, ps, special[256], user[256];
    union {
        float value[16];
        uint32_t bits[16];
    } f;
    uint8_t q[8][16];
    uint8_t ua_state[16];
    int64_t accx;        /* 40 bits, sign-extended */
    uint32_t qacc[16];   /* 20 bits each; two are one lane of 40 */
    uint32_t sar_byte, fft_bit_width, gpio_out;
    uint64_t instructions, cycles, late;
    uint32_t shows_instructions; /* in CCOUNT, instead of cycles */
    uint32_t fault_address, fault_bytes;
    lx7_timing timing;
    tml_caches *caches;    /* of the chip; NULL: memory answers at once */
    uint32_t line, pad;    /* that the last fetch was of */
    uint32_t regions, forms;
    lx7_region region[LX7_REGIONS];
    const lx7_form *form;
} lx7_core;

#define LX7_EXPORT __attribute__((visibility("default")))

/* Runs to an address or until so many cycles have passed; returns a lx7_stop. */
LX7_EXPORT int lx7_run(lx7_core *core, uint32_t until, uint64_t cycles);
/* The number of a vector operation, access or step by its name; -1: there is none. */
LX7_EXPORT int lx7_number(const char *kind, const char *name);
LX7_EXPORT uint32_t lx7_core_bytes(void);
LX7_EXPORT uint32_t lx7_insn_bytes(void);

/* Within the emulator. */
static inline uint32_t *lx7_a(lx7_core *core, uint32_t number)
{
    return &core->a[(core->window_base * 4 + number) & 63u];
}

lx7_stop lx7_decode(const lx7_core *core, lx7_insn *insn, uint32_t word, uint32_t pc);
bool lx7_decode_pie(const lx7_core *core, lx7_insn *insn, uint32_t word);
lx7_stop lx7_pie(lx7_core *core, const lx7_insn *insn);
lx7_stop lx7_float(lx7_core *core, const lx7_insn *insn);
/* The memory of an access, or NULL. */
uint8_t *lx7_memory(lx7_core *core, uint32_t address, uint32_t nbytes, bool is_write);

#define LX7_OPS(X)                                                                                                    \
    X(ADD) X(ADDX2) X(ADDX4) X(ADDX8) X(SUB) X(SUBX2) X(SUBX4) X(SUBX8) X(AND) X(OR) X(XOR) X(NEG) X(ABS)            \
    X(ADDI) X(MOVI) X(MOV) X(SLLI) X(SRAI) X(SRLI) X(EXTUI) X(SRC) X(SRL) X(SLL) X(SRA) X(SSR) X(SSL) X(SSA8L)        \
    X(SSA8B) X(SSAI) X(NSA) X(NSAU) X(SEXT) X(CLAMPS) X(MIN) X(MAX) X(MINU) X(MAXU) X(SALT) X(SALTU) X(MULL)          \
    X(MULUH) X(MULSH) X(MUL16U) X(MUL16S) X(QUOU) X(QUOS) X(REMU) X(REMS) X(MOVEQZ) X(MOVNEZ) X(MOVLTZ) X(MOVGEZ)     \
    X(MOVF) X(MOVT) X(L8UI) X(L16UI) X(L16SI) X(L32I) X(L32R) X(S8I) X(S16I) X(S32I) X(S32C1I) X(L32E) X(S32E)        \
    X(J) X(JX) X(CALL) X(CALLX) X(CALL0) X(CALLX0) X(RET) X(RETW) X(ENTRY) X(MOVSP) X(ROTW) X(RFWO) X(RFWU) X(RFE)    \
    X(BEQZ) X(BNEZ) X(BLTZ) X(BGEZ) X(BEQI) X(BNEI) X(BLTI) X(BGEI) X(BLTUI) X(BGEUI) X(BNONE) X(BEQ) X(BLT) X(BLTU)  \
    X(BALL) X(BBC) X(BBCI) X(BANY) X(BNE) X(BGE) X(BGEU) X(BNALL) X(BBS) X(BBSI) X(BF) X(BT) X(LOOP) X(LOOPNEZ)       \
    X(LOOPGTZ) X(ANDB) X(ANDBC) X(ORB) X(ORBC) X(XORB) X(ANY4) X(ALL4) X(ANY8) X(ALL8) X(RSR) X(WSR) X(XSR) X(RSIL)   \
    X(RUR) X(WUR) X(NOP) X(SIMCALL) X(STOP) X(LSI) X(SSI) X(LSIP) X(SSIP) X(LSX) X(SSX) X(LSXP) X(SSXP)               \
    X(ADD_S) X(SUB_S) X(MUL_S) X(MADD_S) X(MSUB_S) X(ROUND_S) X(TRUNC_S) X(FLOOR_S) X(CEIL_S) X(FLOAT_S) X(UFLOAT_S)  \
    X(UTRUNC_S) X(MOV_S) X(ABS_S) X(NEG_S) X(RFR) X(WFR) X(CONST_S) X(UN_S) X(OEQ_S) X(UEQ_S) X(OLT_S) X(ULT_S)       \
    X(OLE_S) X(ULE_S) X(MOVEQZ_S) X(MOVNEZ_S) X(MOVLTZ_S) X(MOVGEZ_S) X(MOVF_S) X(MOVT_S)

typedef enum {
    OP_NONE,
#define LX7_ENUM(name) OP_##name,
    LX7_OPS(LX7_ENUM)
#undef LX7_ENUM
    OP_PIE /* and its operations behind it */
} lx7_op;

#endif
