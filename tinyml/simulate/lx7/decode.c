/* decode.c: the base instructions of the core. */
#include "lx7.h"

static const int32_t signed_constants[16] = {-1, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 32, 64, 128, 256};
static const int32_t unsigned_constants[16] = {32768, 65536, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 32, 64, 128, 256};

static int32_t sign_extended(uint32_t value, unsigned bits)
{
    return (int32_t)(value << (32 - bits)) >> (32 - bits);
}

/* Notes which registers are read, which come late and which quarter of the window is touched. */
static void uses(lx7_insn *insn, uint64_t reads, uint64_t late, unsigned highest)
{
    insn->reads = reads;
    insn->late = late;
    insn->quad = (uint8_t)(highest >> 2);
}

static unsigned most(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

#define A(n) (UINT64_C(1) << (n))
#define F(n) (UINT64_C(1) << (16 + (n)))

static void three(lx7_insn *insn, lx7_op op)
{
    insn->op = op;
    uses(insn, A(insn->s) | A(insn->t), 0, most(most(insn->r, insn->s), insn->t));
}

static void from_t(lx7_insn *insn, lx7_op op)
{
    insn->op = op;
    uses(insn, A(insn->t), 0, most(insn->r, insn->t));
}

static void from_s(lx7_insn *insn, lx7_op op, unsigned target)
{
    insn->op = op;
    uses(insn, A(insn->s), 0, most(target, insn->s));
}

static void decode_jump(lx7_insn *i, unsigned m, unsigned n)
{
    if (m == 2) {
        i->op = n == 0 ? OP_RET : n == 1 ? OP_RETW : n == 2 ? OP_JX : OP_STOP;
        uses(i, n == 2 ? A(i->s) : A(0), 0, n == 2 ? i->s : 0);
    } else if (m == 3) {
        i->op = n == 0 ? OP_CALLX0 : OP_CALLX;
        i->imm = (int32_t)n;
        uses(i, A(i->s), 0, most(i->s, 4 * n));
    } else {
        i->op = OP_STOP;
    }
}

static void decode_st0(lx7_insn *i)
{
    switch (i->r) {
    case 0: decode_jump(i, i->t >> 2, i->t & 3u); break;
    case 1: from_s(i, OP_MOVSP, i->t); break;
    case 2: i->op = OP_NOP; break; /* ISYNC, RSYNC, ESYNC, DSYNC, MEMW, EXTW, NOP */
    case 3:
        i->op = i->t != 0 ? OP_STOP : i->s == 4 ? OP_RFWO : i->s == 5 ? OP_RFWU : i->s == 0 ? OP_RFE : OP_STOP;
        break;
    case 5: i->op = i->s == 1 && i->t == 0 ? OP_SIMCALL : OP_STOP; break;
    case 6:
        i->op = OP_RSIL;
        uses(i, 0, 0, i->t);
        break;
    case 8: i->op = OP_ANY4; break;
    case 9: i->op = OP_ALL4; break;
    case 10: i->op = OP_ANY8; break;
    case 11: i->op = OP_ALL8; break;
    default: i->op = OP_STOP; break; /* BREAK, WAITI */
    }
}

static void decode_st1(lx7_insn *i)
{
    static const uint16_t shifts[4] = {OP_SSR, OP_SSL, OP_SSA8L, OP_SSA8B};
    if (i->r < 4) {
        i->op = shifts[i->r];
        uses(i, A(i->s), 0, i->s);
    } else if (i->r == 4) {
        i->op = OP_SSAI;
        i->imm = i->s | (i->t & 1) << 4;
    } else if (i->r == 8) {
        i->op = OP_ROTW;
        i->imm = sign_extended(i->t, 4);
    } else if (i->r == 14 || i->r == 15) {
        from_s(i, i->r == 14 ? OP_NSA : OP_NSAU, i->t);
    }
}

static void decode_rst0(lx7_insn *i, unsigned op2)
{
    static const uint16_t sums[8] = {OP_ADD, OP_ADDX2, OP_ADDX4, OP_ADDX8, OP_SUB, OP_SUBX2, OP_SUBX4, OP_SUBX8};
    static const uint16_t logic[3] = {OP_AND, OP_OR, OP_XOR};
    if (op2 >= 8) {
        three(i, sums[op2 - 8]);
    } else if (op2 >= 1 && op2 <= 3) {
        three(i, logic[op2 - 1]);
    } else if (op2 == 0) {
        decode_st0(i);
    } else if (op2 == 4) {
        decode_st1(i);
    } else if (op2 == 6 && i->s < 2) {
        from_t(i, i->s == 0 ? OP_NEG : OP_ABS);
    }
}

static void decode_rst1(lx7_insn *i, unsigned op2)
{
    switch (op2) {
    case 0:
    case 1:
        i->imm = 32 - (int32_t)(i->t | (op2 & 1u) << 4);
        from_s(i, OP_SLLI, i->r);
        break;
    case 2:
    case 3:
        i->imm = (int32_t)(i->s | (op2 & 1u) << 4);
        from_t(i, OP_SRAI);
        break;
    case 4:
        i->imm = i->s;
        from_t(i, OP_SRLI);
        break;
    case 6:
        i->imm = i->r << 4 | i->s;
        i->op = OP_XSR;
        uses(i, A(i->t), 0, i->t);
        break;
    case 8: three(i, OP_SRC); break;
    case 9: from_t(i, OP_SRL); break;
    case 10: from_s(i, OP_SLL, i->r); break;
    case 11: from_t(i, OP_SRA); break;
    case 12:
    case 13:
        three(i, op2 == 12 ? OP_MUL16U : OP_MUL16S);
        i->late = A(i->r);
        break;
    default: break;
    }
}

static void decode_rst2(lx7_insn *i, unsigned op2)
{
    static const uint16_t booleans[5] = {OP_ANDB, OP_ANDBC, OP_ORB, OP_ORBC, OP_XORB};
    static const uint16_t numbers[16] = {0,       0,        0,        0,        0, 0, OP_SALTU, OP_SALT, OP_MULL,
                                         0, OP_MULUH, OP_MULSH, OP_QUOU, OP_QUOS, OP_REMU, OP_REMS};
    if (op2 < 5) {
        i->op = booleans[op2];
    } else if (numbers[op2]) {
        three(i, numbers[op2]);
        i->late = op2 >= 8 && op2 < 12 ? A(i->r) : 0;
    }
}

static void decode_rst3(lx7_insn *i, unsigned op2)
{
    static const uint16_t numbers[8] = {OP_MIN, OP_MAX, OP_MINU, OP_MAXU, OP_MOVEQZ, OP_MOVNEZ, OP_MOVLTZ, OP_MOVGEZ};
    if (op2 <= 1) {
        i->imm = i->r << 4 | i->s;
        i->op = op2 == 0 ? OP_RSR : OP_WSR;
        uses(i, op2 == 0 ? 0 : A(i->t), 0, i->t);
    } else if (op2 <= 3) {
        i->imm = i->t + 7;
        from_s(i, op2 == 2 ? OP_SEXT : OP_CLAMPS, i->r);
    } else if (op2 < 12) {
        three(i, numbers[op2 - 4]);
    } else if (op2 < 14) {
        from_s(i, op2 == 12 ? OP_MOVF : OP_MOVT, i->r);
    } else if (op2 == 14) {
        i->imm = i->s << 4 | i->t;
        i->op = OP_RUR;
        uses(i, 0, 0, i->r);
    } else {
        i->imm = i->r << 4 | i->s;
        i->op = OP_WUR;
        uses(i, A(i->t), 0, i->t);
    }
}

static void decode_fp0(lx7_insn *i, unsigned op2)
{
    static const uint16_t sums[6] = {OP_ADD_S, OP_SUB_S, OP_MUL_S, 0, OP_MADD_S, OP_MSUB_S};
    static const uint16_t integers[7] = {OP_ROUND_S, OP_TRUNC_S, OP_FLOOR_S, OP_CEIL_S, OP_FLOAT_S, OP_UFLOAT_S, OP_UTRUNC_S};
    static const uint16_t moves[7] = {OP_MOV_S, OP_ABS_S, 0, OP_CONST_S, OP_RFR, OP_WFR, OP_NEG_S};
    if (op2 < 6 && sums[op2]) {
        i->op = sums[op2];
        uses(i, F(i->s) | F(i->t) | (op2 >= 4 ? F(i->r) : 0), F(i->r), 0);
    } else if (op2 >= 8 && op2 < 15) {
        const bool is_from_integer = op2 == 12 || op2 == 13;
        i->op = integers[op2 - 8];
        uses(i, is_from_integer ? A(i->s) : F(i->s), is_from_integer ? F(i->r) : A(i->r), is_from_integer ? i->s : i->r);
    } else if (op2 == 15 && i->t < 7 && moves[i->t]) {
        i->op = moves[i->t];
        const bool is_out = i->op == OP_RFR;
        const bool is_in = i->op == OP_WFR;
        uses(i, is_in ? A(i->s) : i->op == OP_CONST_S ? 0 : F(i->s), 0, is_out ? i->r : is_in ? i->s : 0);
    }
}

static void decode_fp1(lx7_insn *i, unsigned op2)
{
    static const uint16_t tests[8] = {0, OP_UN_S, OP_OEQ_S, OP_UEQ_S, OP_OLT_S, OP_ULT_S, OP_OLE_S, OP_ULE_S};
    static const uint16_t moves[6] = {OP_MOVEQZ_S, OP_MOVNEZ_S, OP_MOVLTZ_S, OP_MOVGEZ_S, OP_MOVF_S, OP_MOVT_S};
    if (op2 < 8 && tests[op2]) {
        i->op = tests[op2];
        uses(i, F(i->s) | F(i->t), 0, 0);
    } else if (op2 >= 8 && op2 < 14) {
        i->op = moves[op2 - 8];
        uses(i, F(i->s) | F(i->r) | (op2 < 12 ? A(i->t) : 0), 0, op2 < 12 ? i->t : 0);
    }
}

static void decode_indexed_float(lx7_insn *i, unsigned op2)
{
    const bool is_load = op2 < 4;
    if ((op2 & 3u) <= 1 && op2 < 8) {
        i->op = is_load ? ((op2 & 1u) ? OP_LSXP : OP_LSX) : (op2 & 1u) ? OP_SSXP : OP_SSX;
        uses(i, A(i->s) | A(i->t) | (is_load ? 0 : F(i->r)), is_load ? F(i->r) : 0, most(i->s, i->t));
    }
}

static void decode_window_access(lx7_insn *i, unsigned op2)
{
    if (op2 == 0 || op2 == 4) {
        i->op = op2 == 0 ? OP_L32E : OP_S32E;
        i->imm = (int32_t)(0xFFFFFFC0u | (uint32_t)i->r << 2);
        uses(i, A(i->s) | (op2 == 4 ? A(i->t) : 0), op2 == 0 ? A(i->t) : 0, most(i->s, i->t));
    } else if (op2 == 5) { /* S32NB */
        i->op = OP_S32I;
        i->imm = i->r << 2;
        uses(i, A(i->s) | A(i->t), 0, most(i->s, i->t));
    }
}

static void decode_qrst(lx7_insn *i, uint32_t word)
{
    const unsigned op1 = word >> 16 & 15u;
    const unsigned op2 = word >> 20 & 15u;
    switch (op1) {
    case 0: decode_rst0(i, op2); break;
    case 1: decode_rst1(i, op2); break;
    case 2: decode_rst2(i, op2); break;
    case 3: decode_rst3(i, op2); break;
    case 4:
    case 5:
        i->imm = (int32_t)(i->s | (op1 & 1u) << 4);
        i->select = (uint8_t)(op2 + 1);
        from_t(i, OP_EXTUI);
        break;
    case 8: decode_indexed_float(i, op2); break;
    case 9: decode_window_access(i, op2); break;
    case 10: decode_fp0(i, op2); break;
    case 11: decode_fp1(i, op2); break;
    default: break;
    }
}

static void decode_memory(lx7_insn *i, uint32_t word)
{
    static const uint16_t accesses[16] = {OP_L8UI, OP_L16UI, OP_L32I, 0,       OP_S8I,  OP_S16I,    OP_S32I, OP_NOP,
                                          0,       OP_L16SI, OP_MOVI, OP_L32I, OP_ADDI, OP_ADDI, OP_S32C1I, OP_S32I};
    static const uint8_t scales[16] = {0, 1, 2, 0, 0, 1, 2, 0, 0, 1, 0, 2, 0, 8, 2, 2};
    const uint32_t byte = word >> 16 & 0xFFu;
    i->op = accesses[i->r];
    if (i->op == OP_MOVI) {
        i->imm = sign_extended((uint32_t)i->s << 8 | byte, 12);
        uses(i, 0, 0, i->t);
    } else if (i->op == OP_ADDI) {
        i->imm = sign_extended(byte, 8) * (1 << scales[i->r]);
        uses(i, A(i->s), 0, most(i->s, i->t));
    } else {
        const bool is_load = i->r <= 2 || i->r == 9 || i->r == 11;
        i->imm = (int32_t)(byte << scales[i->r]);
        uses(i, A(i->s) | (is_load ? 0 : A(i->t)), is_load || i->r == 14 ? A(i->t) : 0, most(i->s, i->t));
    }
}

static void decode_float_memory(lx7_insn *i, uint32_t word)
{
    static const uint16_t accesses[4] = {OP_LSI, OP_SSI, OP_LSIP, OP_SSIP};
    if ((i->r & 3u) == 0) {
        const bool is_load = (i->r & 4u) == 0;
        i->op = accesses[i->r >> 2];
        i->imm = (int32_t)((word >> 16 & 0xFFu) << 2);
        uses(i, A(i->s) | (is_load ? 0 : F(i->t)), is_load ? F(i->t) : 0, i->s);
    }
}

static void decode_si(lx7_insn *i, uint32_t word, uint32_t pc)
{
    static const uint16_t zero[4] = {OP_BEQZ, OP_BNEZ, OP_BLTZ, OP_BGEZ};
    static const uint16_t constant[4] = {OP_BEQI, OP_BNEI, OP_BLTI, OP_BGEI};
    const unsigned n = i->t & 3u;
    const unsigned m = i->t >> 2;
    const uint32_t byte = word >> 16 & 0xFFu;
    const int32_t near = (int32_t)pc + 4 + sign_extended(byte, 8);
    if (n == 0) {
        i->op = OP_J;
        i->imm = (int32_t)pc + 4 + sign_extended(word >> 6, 18);
        return;
    }
    uses(i, A(i->s), 0, i->s);
    if (n == 1) {
        i->op = zero[m];
        i->imm = (int32_t)pc + 4 + sign_extended(word >> 12, 12);
    } else if (n == 2 || m >= 2) {
        i->op = n == 2 ? constant[m] : m == 2 ? OP_BLTUI : OP_BGEUI;
        i->constant = (n == 2 ? signed_constants : unsigned_constants)[i->r];
        i->imm = near;
    } else if (m == 0) {
        i->op = OP_ENTRY;
        i->imm = (int32_t)((word >> 12) << 3);
        uses(i, A(i->s), 0, 0);
    } else if (i->r <= 1) {
        i->op = i->r == 0 ? OP_BF : OP_BT;
        i->imm = near;
        uses(i, 0, 0, 0);
    } else if (i->r >= 8 && i->r <= 10) {
        i->op = i->r == 8 ? OP_LOOP : i->r == 9 ? OP_LOOPNEZ : OP_LOOPGTZ;
        i->imm = (int32_t)(pc + 4 + byte);
    }
}

static void decode_branch(lx7_insn *i, uint32_t word, uint32_t pc)
{
    static const uint16_t tests[16] = {OP_BNONE, OP_BEQ, OP_BLT, OP_BLTU, OP_BALL,  OP_BBC, OP_BBCI, OP_BBCI,
                                       OP_BANY,  OP_BNE, OP_BGE, OP_BGEU, OP_BNALL, OP_BBS, OP_BBSI, OP_BBSI};
    i->op = tests[i->r];
    i->imm = (int32_t)pc + 4 + sign_extended(word >> 16 & 0xFFu, 8);
    const bool is_bit = (i->r & 6u) == 6;
    i->select = (uint8_t)(i->t | (i->r & 1u) << 4);
    uses(i, A(i->s) | (is_bit ? 0 : A(i->t)), 0, is_bit ? i->s : most(i->s, i->t));
}

static void decode_narrow(lx7_insn *i, unsigned op0, uint32_t pc)
{
    i->nbytes = 2;
    if (op0 == 8 || op0 == 9) {
        i->op = op0 == 8 ? OP_L32I : OP_S32I;
        i->imm = i->r << 2;
        uses(i, A(i->s) | (op0 == 8 ? 0 : A(i->t)), op0 == 8 ? A(i->t) : 0, most(i->s, i->t));
    } else if (op0 == 10) {
        three(i, OP_ADD);
    } else if (op0 == 11) { /* ADDI.N: the target is r */
        i->imm = i->t == 0 ? -1 : i->t;
        i->t = i->r;
        from_s(i, OP_ADDI, i->r);
    } else if (op0 == 12 && i->t < 8) {
        const int32_t value = (int32_t)(i->r | (i->t & 7u) << 4);
        i->imm = value >= 96 ? value - 128 : value;
        i->t = i->s;
        i->op = OP_MOVI;
        uses(i, 0, 0, i->t);
    } else if (op0 == 12) {
        i->op = i->t < 12 ? OP_BEQZ : OP_BNEZ;
        i->imm = (int32_t)(pc + 4 + (i->r | (i->t & 3u) << 4));
        uses(i, A(i->s), 0, i->s);
    } else if (i->r == 0) {
        from_s(i, OP_MOV, i->t);
    } else if (i->r == 15) {
        i->op = i->t == 0 ? OP_RET : i->t == 1 ? OP_RETW : i->t == 3 ? OP_NOP : OP_STOP;
        uses(i, i->t < 2 ? A(0) : 0, 0, 0);
    }
}

static void decode_base(lx7_insn *i, uint32_t word, uint32_t pc)
{
    const unsigned op0 = word & 15u;
    switch (op0) {
    case 0: decode_qrst(i, word); break;
    case 1:
        i->op = OP_L32R;
        i->imm = (int32_t)(((pc + 3) & ~3u) + (0xFFFC0000u | word >> 8 << 2));
        uses(i, 0, A(i->t), i->t);
        break;
    case 2: decode_memory(i, word); break;
    case 3: decode_float_memory(i, word); break;
    case 5: {
        const unsigned n = i->t & 3u;
        i->op = n == 0 ? OP_CALL0 : OP_CALL;
        i->imm = (int32_t)((pc & ~3u) + 4 + (uint32_t)sign_extended(word >> 6, 18) * 4);
        i->select = (uint8_t)n;
        uses(i, 0, 0, 4 * n);
        break;
    }
    case 6: decode_si(i, word, pc); break;
    case 7: decode_branch(i, word, pc); break;
    default:
        if (op0 >= 8 && op0 < 14) {
            decode_narrow(i, op0, pc);
        }
    }
}

lx7_stop lx7_decode(const lx7_core *core, lx7_insn *insn, uint32_t word, uint32_t pc)
{
    lx7_insn i = {.nbytes = 3, .cost = 1};
    i.t = word >> 4 & 15u;
    i.s = word >> 8 & 15u;
    i.r = word >> 12 & 15u;
    if (!lx7_decode_pie(core, &i, word)) {
        decode_base(&i, word & 0xFFFFFFu, pc);
        if (i.op == OP_NONE) {
            return (word & 15u) == 4 ? LX7_UNKNOWN : LX7_ILLEGAL; /* 4: MAC16 */
        }
    }
    *insn = i;
    return LX7_UNTIL;
}
