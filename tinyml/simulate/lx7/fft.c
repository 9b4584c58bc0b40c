/* fft.c: the vector unit's instructions for Fourier transforms of complex numbers of two times 16 bits.
 *
 * As the manual's operations read (chapter 1.8); the order of halves of EE.FFT.R2BF was measured on the chip by others.
 * Where sums of 16 bits overflow before they are multiplied or shifted the manual does not say what happens, and
 * EE.BITREV's width is described in two ways: such runs end as unknown.
 */
#include "vector.h"

/* A sum or difference of 16 bits that goes on into a product or a shift. */
static bool fits(int32_t value)
{
    return value >= INT16_MIN && value <= INT16_MAX;
}

static vector butterfly_half(const vector *a, const vector *b, uint32_t from)
{
    vector made;
    for (uint32_t k = 0; k < 4; ++k) {
        made.u16[k] = (uint16_t)(a->s16[from + k] + b->s16[from + k]);
        made.u16[4 + k] = (uint16_t)(a->s16[from + k] - b->s16[from + k]);
    }
    return made;
}

static void butterfly(vector *first, vector *second, const vector *x, const vector *y, bool is_by_words)
{
    vector a;
    vector b;
    const vector *const both[2] = {x, y};
    for (uint32_t k = 0; k < 4; ++k) {
        const vector *from = both[k / 2];
        a.u32[k] = is_by_words ? from->u32[k % 2 * 2] : from->u32[k % 2];
        b.u32[k] = is_by_words ? from->u32[k % 2 * 2 + 1] : from->u32[k % 2 + 2];
    }
    *first = butterfly_half(&a, &b, 0);
    *second = butterfly_half(&a, &b, 4);
}

/* The sums, shifted, go to memory and the differences to a register. */
static lx7_stop butterfly_stored(vector *z, uint8_t *bytes, const vector *x, const vector *y, uint32_t shift)
{
    vector sums;
    for (uint32_t k = 0; k < 8; ++k) {
        const int32_t sum = x->s16[k] + y->s16[k];
        if (shift > 0 && !fits(sum)) {
            return LX7_UNKNOWN;
        }
        sums.u16[k] = (uint16_t)(sum >> shift);
    }
    for (uint32_t k = 0; k < 8; ++k) {
        z->u16[k] = (uint16_t)(x->s16[k] - y->s16[k]);
    }
    memcpy(bytes, &sums, 16);
    return LX7_UNTIL;
}

/* x times y, or times y's conjugate: both halves of one complex number. */
static void complex_product(uint16_t made[2], const int16_t *x, const int16_t *y, bool is_conjugate, uint32_t shift)
{
    const int64_t imaginary = is_conjugate ? -(int64_t)y[1] : y[1];
    made[0] = (uint16_t)((x[0] * (int64_t)y[0] - x[1] * imaginary) >> shift);
    made[1] = (uint16_t)((x[1] * (int64_t)y[0] + x[0] * imaginary) >> shift);
}

/* The product and what else is stored beside it, by the stage of the transform. */
static lx7_stop product_stored(const lx7_insn *i, uint8_t *bytes, const vector *x, const vector *y, const vector *v,
                               uint32_t shift)
{
    const uint32_t sel8 = i->select & 7u;
    const uint32_t stage = i->select >> 3 & 3u;
    const uint32_t by = i->select >> 5;
    vector out = *v;
    if (sel8 < 6 || stage == 3) {
        return LX7_UNKNOWN;
    }
    if (stage > 0) {
        out.u32[stage == 1 ? 2 : 1] = v->u32[2];
        for (uint32_t k = 0; k < 4; ++k) {
            out.u16[stage == 2 && k >= 2 ? k + 2 : k] = (uint16_t)(x->s16[k] >> by);
        }
    }
    complex_product(&out.u16[6], &x->s16[6], &y->s16[6], sel8 == 6, shift);
    memcpy(bytes, &out, 16);
    return LX7_UNTIL;
}

/* What the four instructions of real transforms compute of one complex number; `made` is z's, then z1's. */
static lx7_stop add_multiply_subtract(uint16_t made[4], const int16_t *x, const int16_t *y, const int16_t *m,
                                      bool is_conjugate, uint32_t shift)
{
    const int32_t difference = x[0] - y[0];
    const int32_t sum = x[1] + y[1];
    if (!fits(difference) || !fits(sum)) {
        return LX7_UNKNOWN;
    }
    const int16_t rotated[2] = {(int16_t)difference, (int16_t)sum};
    uint16_t product[2];
    complex_product(product, rotated, m, is_conjugate, shift);
    const uint32_t real = (uint32_t)(x[0] + y[0]);
    const uint32_t imaginary = (uint32_t)(x[1] - y[1]);
    made[0] = (uint16_t)(real + product[0]);
    made[1] = (uint16_t)(imaginary + product[1]);
    made[2] = (uint16_t)(real - product[0]);
    made[3] = (uint16_t)(product[1] - imaginary);
    return LX7_UNTIL;
}

static void words_turned(vector *out, const vector *in)
{
    for (uint32_t k = 0; k < 4; ++k) {
        out->u32[k] = in->u32[3 - k];
    }
}

static lx7_stop real_transform(lx7_core *core, const lx7_insn *i, uint8_t *bytes)
{
    vector *q = (vector *)(void *)core->q;
    const uint32_t number = i->op - OP_PIE;
    const uint32_t lane = number == PIE_fft_ams_s16_ld_incp_uaup ? 0 : number == PIE_fft_ams_s16_ld_incp ? 2
        : number == PIE_fft_ams_s16_ld_r32_decp ? 4 : 6;
    vector loaded;
    vector ua;
    uint8_t both[48] = {0};
    uint16_t made[4];
    const lx7_stop stop = add_multiply_subtract(made, &q[i->qx].s16[lane], &q[i->qy].s16[lane], &q[i->qs0].s16[lane],
                                                i->select != 0, core->sar);
    if (stop != LX7_UNTIL) {
        return stop;
    }
    memcpy(&loaded, bytes, 16);
    if (number == PIE_fft_ams_s16_st_incp) {
        uint32_t *kept = lx7_a(core, i->t);
        vector out;
        out.u32[0] = *kept;
        memcpy(&out.u32[1], &q[i->qu], 12);
        for (uint32_t k = 0; k < 8 && i->select == 0; ++k) {
            out.u16[k] = (uint16_t)(out.s16[k] >> 1);
        }
        memcpy(bytes, &out, 16);
        *kept = (uint32_t)made[1] << 16 | made[0];
    } else {
        memcpy(&q[i->qz].u16[lane], made, 4);
    }
    memcpy(&q[i->qs1].u16[lane], &made[2], 4);
    switch (number) {
    case PIE_fft_ams_s16_ld_incp: q[i->qu] = loaded; break;
    case PIE_fft_ams_s16_ld_r32_decp: words_turned(&q[i->qu], &loaded); break;
    case PIE_fft_ams_s16_ld_incp_uaup:
        memcpy(&ua, core->ua_state, 16);
        memcpy(both, &ua, 16);
        memcpy(both + 16, &loaded, 16);
        memcpy(&q[i->qu], both + core->sar_byte, 16);
        memcpy(core->ua_state, &loaded, 16);
        break;
    default: break;
    }
    return LX7_UNTIL;
}

static void turned_and_stored(uint8_t *bytes, const vector *v, uint32_t shift)
{
    vector shifted;
    vector out;
    for (uint32_t k = 0; k < 8; ++k) {
        shifted.u16[k] = (uint16_t)(v->s16[k] >> shift);
    }
    words_turned(&out, &shifted);
    memcpy(bytes, &out, 16);
}

static lx7_stop operate(lx7_core *core, const lx7_insn *i, uint8_t *bytes)
{
    vector *q = (vector *)(void *)core->q;
    const vector x = q[i->qx];
    const vector y = q[i->qy];
    const uint32_t pair = i->select & 6u; /* of 16 bits: the complex number that is multiplied */
    switch (i->op - OP_PIE) {
    case PIE_fft_r2bf_s16: butterfly(&q[i->qz], &q[i->qs1], &x, &y, i->select != 0); return LX7_UNTIL;
    case PIE_fft_r2bf_s16_st_incp: return butterfly_stored(&q[i->qz], bytes, &x, &y, i->select);
    case PIE_fft_vst_r32_decp: turned_and_stored(bytes, &q[i->qu], i->select); return LX7_UNTIL;
    default: break;
    }
    if (core->sar > 31) {
        return LX7_UNKNOWN;
    }
    switch (i->op - OP_PIE) {
    case PIE_fft_cmul_s16_ld_xp:
        if (i->select > 5) {
            return LX7_UNKNOWN;
        }
        memcpy(&q[i->qu], bytes, 16);
        complex_product(&q[i->qz].u16[pair], &x.s16[pair], &y.s16[pair], (i->select & 1u) == 0, core->sar);
        return LX7_UNTIL;
    case PIE_fft_cmul_s16_st_xp: return product_stored(i, bytes, &x, &y, &q[i->qu], core->sar);
    default: return real_transform(core, i, bytes);
    }
}

lx7_stop lx7_fft(lx7_core *core, const lx7_insn *i)
{
    const uint32_t number = i->op - OP_PIE;
    const bool is_store = number == PIE_fft_r2bf_s16_st_incp || number == PIE_fft_cmul_s16_st_xp
        || number == PIE_fft_ams_s16_st_incp || number == PIE_fft_vst_r32_decp;
    uint8_t *bytes = NULL;
    uint32_t *address = lx7_a(core, i->s);
    if (number != PIE_fft_r2bf_s16) {
        bytes = lx7_memory(core, *address & ~15u, 16, is_store);
        if (bytes == NULL) {
            return is_store ? LX7_BAD_WRITE : LX7_BAD_READ;
        }
    }
    const lx7_stop stop = operate(core, i, bytes);
    if (stop != LX7_UNTIL || bytes == NULL) {
        return stop;
    }
    if (number == PIE_fft_ams_s16_ld_r32_decp || number == PIE_fft_vst_r32_decp) {
        *address -= 16;
    } else if (number == PIE_fft_cmul_s16_ld_xp || number == PIE_fft_cmul_s16_st_xp) {
        *address += *lx7_a(core, i->r);
    } else {
        *address += 16;
    }
    return LX7_UNTIL;
}
