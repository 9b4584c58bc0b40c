/* pie.c: the vector unit: eight registers of 128 bits, 16 accumulators of 20 bits (or 8 of 40) and one of 40.
 *
 * An instruction is an operation, an access to memory and a step of the address, which happen at once: all
 * read what registers held before. What Espressif has not published, or measured differently from what it
 * has, ends the run as unknown: the third operand of SRCMB and SRS, and shifts by more than 31 but for those that
 * were measured (espressif/qemu issue 163).
 */
#include "vector.h"

/* Operations of two vectors lane by lane stand as three: s8, s16, s32. */
static int64_t pairwise(uint32_t group, int64_t x, int64_t y, uint32_t bits)
{
    switch (group) {
    case 0: return saturated(x + y, bits);
    case 1: return saturated(x - y, bits);
    case 2: return x > y ? x : y;
    case 3: return x < y ? x : y;
    case 4: return x == y ? -1 : 0;
    case 5: return x < y ? -1 : 0;
    default: return x > y ? -1 : 0;
    }
}

static void pairs(vector *z, const vector *x, const vector *y, uint32_t number)
{
    const uint32_t type = number % 3;
    for (uint32_t k = 0; k < lanes_of[type]; ++k) {
        set_lane(z, type, k, pairwise(number / 3, lane_of(x, type, k), lane_of(y, type, k), bits_of[type]));
    }
}

/* Of a product that SAR shifts: types s8, s16, u8, u16. */
static const uint32_t product_type[4] = {0, 1, 3, 4};

static lx7_stop products(const lx7_core *core, vector *z, const vector *x, const vector *y, uint32_t number)
{
    const uint32_t type = product_type[number];
    if (core->sar > 31 && !(core->sar == 32 && type == 0)) {
        return LX7_UNKNOWN;
    }
    for (uint32_t k = 0; k < lanes_of[type]; ++k) {
        const int64_t product = lane_of(x, type, k) * lane_of(y, type, k);
        set_lane(z, type, k, core->sar == 32 ? 0 : product >> core->sar);
    }
    return LX7_UNTIL;
}

static void add_to_accx(lx7_core *core, const vector *x, const vector *y, uint32_t type)
{
    int64_t sum = core->accx;
    for (uint32_t k = 0; k < lanes_of[type]; ++k) {
        sum += lane_of(x, type, k) * lane_of(y, type, k);
    }
    core->accx = saturated(sum, 40);
}

/* Unsigned products saturate to the greatest unsigned value (espressif/qemu issue 165). */
static void add_to_lanes(lx7_core *core, const vector *x, const vector *y, uint32_t type)
{
    for (uint32_t k = 0; k < lanes_of[type]; ++k) {
        const int64_t product = lane_of(x, type, k) * lane_of(y, type, k);
        if (type == 0) {
            set_lane20(core, k, saturated(lane20(core, k) + product, 20));
        } else if (type == 1) {
            set_lane40(core, k, saturated(lane40(core, k) + product, 40));
        } else {
            const int64_t most = (INT64_C(1) << (type == 3 ? 20 : 40)) - 1;
            const int64_t sum = (type == 3 ? (int64_t)core->qacc[k] : (int64_t)raw40(core, k)) + product;
            if (type == 3) {
                set_lane20(core, k, sum > most ? most : sum);
            } else {
                set_lane40(core, k, sum > most ? most : sum);
            }
        }
    }
}

static void shift_out_lanes(lx7_core *core, vector *u, uint32_t type, uint32_t shift)
{
    for (uint32_t k = 0; k < lanes_of[type]; ++k) {
        if (type == 0) {
            const int64_t value = lane20(core, k) >> (shift & 31u);
            set_lane20(core, k, value);
            u->s8[k] = (int8_t)saturated(value, 8);
        } else {
            const int64_t value = lane40(core, k) >> (shift & 63u);
            set_lane40(core, k, value);
            u->s16[k] = (int16_t)saturated(value, 16);
        }
    }
}

static void rectify(vector *z, const vector *x, const vector *slope, uint32_t type, uint32_t shift)
{
    for (uint32_t k = 0; k < lanes_of[type]; ++k) {
        const int64_t value = lane_of(x, type, k);
        set_lane(z, type, k, value <= 0 ? value * lane_of(slope, type, k) >> (shift & (type == 0 ? 31u : 63u)) : value);
    }
}

/* 16 bytes out of the 32 of two vectors, from a byte on. */
static void funnel(vector *out, const vector *low, const vector *high, uint32_t byte)
{
    uint8_t both[48] = {0};
    memcpy(both, low, 16);
    memcpy(both + 16, high, 16);
    memcpy(out, both + byte, 16);
}

static void shift_pair(vector *low, vector *high, int32_t bytes)
{
    uint8_t both[96] = {0};
    memcpy(both + 32, low, 16);
    memcpy(both + 48, high, 16);
    memcpy(low, both + 32 + bytes, 16);
    memcpy(high, both + 48 + bytes, 16);
}

static lx7_stop shift_words(const lx7_core *core, vector *z, const vector *x, bool is_left)
{
    if (core->sar > 32) {
        return LX7_UNKNOWN;
    }
    for (uint32_t k = 0; k < 4; ++k) {
        if (core->sar == 32) { /* measured */
            z->u32[k] = !is_left ? 0 : x->s32[k] < 0 ? 0x80000000u : x->s32[k] > 0 ? 0x7FFFFFFFu : 0;
        } else {
            z->u32[k] = is_left ? x->u32[k] << core->sar : (uint32_t)(x->s32[k] >> core->sar);
        }
    }
    return LX7_UNTIL;
}

static void zip(vector *s0, vector *s1, uint32_t width, bool is_inverse)
{
    uint8_t both[32];
    uint8_t out[32];
    memcpy(both, s0, 16);
    memcpy(both + 16, s1, 16);
    const uint32_t half = 16 / width;
    for (uint32_t k = 0; k < half; ++k) {
        for (uint32_t b = 0; b < width; ++b) {
            const uint32_t first = k * width + b;
            const uint32_t woven = 2 * k * width + b;
            if (is_inverse) {
                out[first] = both[woven];
                out[16 + first] = both[woven + width];
            } else {
                out[woven] = both[first];
                out[woven + width] = both[16 + first];
            }
        }
    }
    memcpy(s0, out, 16);
    memcpy(s1, out + 16, 16);
}

static lx7_stop multiply_complex(const lx7_core *core, const lx7_insn *i, vector *z, const vector *x, const vector *y)
{
    if (core->sar > 31) {
        return LX7_UNKNOWN;
    }
    const uint32_t from = (i->select & 1u) * 4;
    const int64_t sign = i->select >= 2 ? -1 : 1; /* of the second factor's imaginary part */
    for (uint32_t k = from; k < from + 4; k += 2) {
        const int64_t a = x->s16[k];
        const int64_t b = x->s16[k + 1];
        const int64_t c = y->s16[k];
        const int64_t d = sign * y->s16[k + 1];
        z->u16[k] = (uint16_t)((a * c - b * d) >> core->sar);
        z->u16[k + 1] = (uint16_t)((a * d + b * c) >> core->sar);
    }
    return LX7_UNTIL;
}

static lx7_stop operate(lx7_core *core, const lx7_insn *i, const vector *x, const vector *y)
{
    const uint32_t number = i->op - OP_PIE;
    vector *q = (vector *)(void *)core->q;
    vector *z = &q[i->qz];
    if (number >= PIE_vadds_s8 && number <= PIE_vcmp_gt_s32) {
        pairs(z, x, y, number - PIE_vadds_s8);
        return LX7_UNTIL;
    }
    if (number >= PIE_vmul_s8 && number <= PIE_vmul_u16) {
        return products(core, z, x, y, number - PIE_vmul_s8);
    }
    if (number >= PIE_vmulas_s8_accx && number <= PIE_vmulas_u16_accx) {
        add_to_accx(core, x, y, product_type[number - PIE_vmulas_s8_accx]);
        return LX7_UNTIL;
    }
    if (number >= PIE_vmulas_s8_qacc && number <= PIE_vmulas_u16_qacc) {
        add_to_lanes(core, x, y, product_type[number - PIE_vmulas_s8_qacc]);
        return LX7_UNTIL;
    }
    if (number >= PIE_vzip_8 && number <= PIE_vunzip_32) {
        const uint32_t kind = number - PIE_vzip_8;
        zip(&q[i->qs0], &q[i->qs1], 1u << kind % 3, kind >= 3);
        return LX7_UNTIL;
    }
    vector other;
    int64_t wide;
    switch (number) {
    case PIE_none: break;
    case PIE_vsmulas_s8_qacc:
        memset(&other, y->u8[i->select], sizeof other);
        add_to_lanes(core, x, &other, 0);
        break;
    case PIE_vsmulas_s16_qacc:
        broadcast(&other, (const uint8_t *)&y->u16[i->select], 2);
        add_to_lanes(core, x, &other, 1);
        break;
    case PIE_srcmb_s8_qacc:
    case PIE_srcmb_s16_qacc:
        if (i->select != 0) {
            return LX7_UNKNOWN;
        }
        shift_out_lanes(core, &q[i->qu], number == PIE_srcmb_s16_qacc, *lx7_a(core, i->s));
        break;
    case PIE_srs_accx:
        if (i->select != 0) {
            return LX7_UNKNOWN;
        }
        wide = core->accx >> (*lx7_a(core, i->s) & 63u);
        core->accx = wide;
        *lx7_a(core, i->t) = (uint32_t)saturated(wide, 32);
        break;
    case PIE_vrelu_s8:
    case PIE_vrelu_s16:
        wide = *lx7_a(core, i->r);
        broadcast(&other, (const uint8_t *)&wide, number == PIE_vrelu_s8 ? 1 : 2);
        rectify(&q[i->qx], x, &other, number == PIE_vrelu_s16, *lx7_a(core, i->t));
        break;
    case PIE_vprelu_s8:
    case PIE_vprelu_s16: rectify(z, x, y, number == PIE_vprelu_s16, *lx7_a(core, i->t)); break;
    case PIE_andq:
    case PIE_orq:
    case PIE_xorq:
    case PIE_notq:
        for (uint32_t k = 0; k < 4; ++k) {
            const uint32_t a = x->u32[k];
            const uint32_t b = y->u32[k];
            z->u32[k] = number == PIE_andq ? a & b : number == PIE_orq ? a | b : number == PIE_xorq ? a ^ b : ~a;
        }
        break;
    case PIE_slci_2q: shift_pair(&q[i->qs0], &q[i->qs1], -(int32_t)i->select - 1); break;
    case PIE_srci_2q: shift_pair(&q[i->qs0], &q[i->qs1], i->select + 1); break;
    case PIE_slcxxp_2q: shift_pair(&q[i->qs0], &q[i->qs1], -(int32_t)(*lx7_a(core, i->s) & 15u) - 1); break;
    case PIE_srcxxp_2q: shift_pair(&q[i->qs0], &q[i->qs1], (int32_t)(*lx7_a(core, i->s) & 15u) + 1); break;
    case PIE_src_q: funnel(z, &q[i->qs0], &q[i->qs1], core->sar_byte); break;
    case PIE_src_q_qup:
        other = q[i->qs1];
        funnel(z, &q[i->qs0], &q[i->qs1], core->sar_byte);
        q[i->qs0] = other;
        break;
    case PIE_vsl_32:
    case PIE_vsr_32: return shift_words(core, z, x, number == PIE_vsl_32);
    case PIE_zero_accx: core->accx = 0; break;
    case PIE_zero_qacc: memset(core->qacc, 0, sizeof core->qacc); break;
    case PIE_zero_q: memset(z, 0, sizeof *z); break;
    case PIE_mov_s8_qacc: fill_lanes(core, x, 0); break;
    case PIE_mov_s16_qacc: fill_lanes(core, x, 1); break;
    case PIE_mov_u8_qacc: fill_lanes(core, x, 3); break;
    case PIE_mov_u16_qacc: fill_lanes(core, x, 4); break;
    case PIE_movi_32_a: *lx7_a(core, i->t) = x->u32[i->select]; break;
    case PIE_movi_32_q: q[i->qu].u32[i->select] = *lx7_a(core, i->s); break;
    case PIE_mv_qr: q[i->qu] = *x; break;
    case PIE_cmul_s16: return multiply_complex(core, i, z, x, y);
    case PIE_set_bit_gpio_out: core->gpio_out |= (uint32_t)i->imm; break;
    case PIE_clr_bit_gpio_out: core->gpio_out &= ~(uint32_t)i->imm; break;
    case PIE_wr_mask_gpio_out: {
        const uint32_t mask = *lx7_a(core, i->r) & 0xFFu;
        core->gpio_out = (core->gpio_out & ~mask) | (*lx7_a(core, i->s) & mask);
        break;
    }
    default: return LX7_UNKNOWN;
    }
    return LX7_UNTIL;
}

static uint32_t address_of(lx7_core *core, const lx7_insn *i, const vector *x, uint32_t nbytes)
{
    uint32_t address = *lx7_a(core, i->s);
    if (i->access == ACCESS_ldxq_32 || i->access == ACCESS_stxq_32) {
        address += x->u16[i->select >> 2] * 4u;
    } else if (i->step == STEP_offset) {
        address += (uint32_t)i->imm;
    }
    return address & ~(nbytes - 1);
}

static void step_address(lx7_core *core, const lx7_insn *i, uint32_t nbytes)
{
    uint32_t *address = lx7_a(core, i->s);
    switch (i->step) {
    case STEP_ip: *address += (uint32_t)i->imm; break;
    case STEP_xp: *address += *lx7_a(core, i->r); break;
    case STEP_incp: *address += nbytes; break;
    default: break;
    }
}

lx7_stop lx7_pie(lx7_core *core, const lx7_insn *i)
{
    if (i->op >= OP_PIE + PIE_fft_r2bf_s16 && i->op <= OP_PIE + PIE_fft_vst_r32_decp) {
        return lx7_fft(core, i);
    }
    vector *q = (vector *)(void *)core->q;
    const vector x = q[i->qx & 7u];
    const vector y = q[i->qy & 7u];
    const vector stored = q[i->qu];
    vector filled = stored;
    vector second = q[i->qz];
    vector shifted = q[i->qs0 & 7u];
    const bool is_load = i->access != ACCESS_none && i->access < ACCESS_vst_128;
    const bool is_store = i->access >= ACCESS_vst_128;
    const uint32_t nbytes = pie_access_bytes(i->access);
    uint8_t *bytes = NULL;
    if (i->has_qup || i->access == ACCESS_srcq_128) {
        funnel(&shifted, &q[i->qs0 & 7u], &q[i->qs1 & 7u], core->sar_byte);
    }
    if (is_load || is_store) {
        bytes = lx7_memory(core, address_of(core, i, &x, nbytes), nbytes, is_store);
        if (bytes == NULL) {
            return is_store ? LX7_BAD_WRITE : LX7_BAD_READ;
        }
    }
    if (is_load) {
        pie_read(core, i, bytes, &filled, &second);
    } else if (i->access == ACCESS_srcq_128) {
        memcpy(bytes, &shifted, 16);
    } else if (is_store) {
        pie_write(core, i, bytes, &stored);
    }
    const lx7_stop stop = operate(core, i, &x, &y);
    if (stop != LX7_UNTIL) {
        return stop;
    }
    if (i->has_qup) {
        q[i->qs0] = shifted;
    }
    if (is_load) {
        if (i->access <= ACCESS_ld_128_usar) {
            q[i->qu] = filled;
        }
        if (i->access == ACCESS_vldhbc_16) {
            q[i->qz] = second;
        }
    }
    step_address(core, i, nbytes);
    return LX7_UNTIL;
}
