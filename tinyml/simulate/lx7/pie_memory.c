/* pie_memory.c: what loads and stores of the vector unit move. */
#include "vector.h"

/* The 160 bits of one half of the accumulators as 20 bytes, and back. */
static void half_to_bytes(const lx7_core *core, uint32_t half, uint8_t bytes[20])
{
    memset(bytes, 0, 20);
    for (uint32_t bit = 0; bit < 160; ++bit) {
        const uint32_t is_set = core->qacc[half * 8 + bit / 20] >> bit % 20 & 1u;
        bytes[bit / 8] |= (uint8_t)(is_set << bit % 8);
    }
}

static void half_from_bytes(lx7_core *core, uint32_t half, const uint8_t bytes[20])
{
    for (uint32_t lane = 0; lane < 8; ++lane) {
        uint32_t value = 0;
        for (uint32_t k = 0; k < 20; ++k) {
            const uint32_t bit = lane * 20 + k;
            value |= (uint32_t)(bytes[bit / 8] >> bit % 8 & 1u) << k;
        }
        core->qacc[half * 8 + lane] = value;
    }
}

/* Bytes of memory that an access moves; its address is a multiple of as many, or of the next power of two. */
uint32_t pie_access_bytes(uint32_t access)
{
    switch (access) {
    case ACCESS_vldbc_8: return 1;
    case ACCESS_vldbc_16: return 2;
    case ACCESS_vldbc_32:
    case ACCESS_ld_qacc_h_h_32:
    case ACCESS_ld_qacc_l_h_32:
    case ACCESS_st_qacc_h_h_32:
    case ACCESS_st_qacc_l_h_32:
    case ACCESS_ldxq_32:
    case ACCESS_stxq_32: return 4;
    case ACCESS_vld_h_64:
    case ACCESS_vld_l_64:
    case ACCESS_vst_h_64:
    case ACCESS_vst_l_64:
    case ACCESS_ldf_64:
    case ACCESS_stf_64:
    case ACCESS_ld_accx:
    case ACCESS_st_accx: return 8;
    default: return 16;
    }
}

/* Where a floating-point access finds its four (or two) registers: in the places of other operands. */
static uint32_t float_register(const lx7_insn *i, uint32_t number)
{
    const uint8_t places[4] = {i->qx, i->qy, i->qs0, i->qs1};
    return places[number] & 15u;
}

void pie_read(lx7_core *core, const lx7_insn *i, const uint8_t *bytes, vector *u, vector *second)
{
    uint8_t half[20];
    vector v;
    uint64_t wide;
    memcpy(&v, bytes, pie_access_bytes(i->access));
    switch (i->access) {
    case ACCESS_ld_128_usar:
        core->sar_byte = *lx7_a(core, i->s) & 15u;
        *u = v;
        break;
    case ACCESS_vld_128:
    case ACCESS_ld_qr: *u = v; break;
    case ACCESS_vld_h_64: memcpy(&u->u8[8], bytes, 8); break;
    case ACCESS_vld_l_64: memcpy(u, bytes, 8); break;
    case ACCESS_vldbc_8: broadcast(u, bytes, 1); break;
    case ACCESS_vldbc_16: broadcast(u, bytes, 2); break;
    case ACCESS_vldbc_32: broadcast(u, bytes, 4); break;
    case ACCESS_vldhbc_16:
        for (uint32_t k = 0; k < 8; ++k) {
            u->u16[k] = v.u16[k / 2];
            second->u16[k] = v.u16[4 + k / 2];
        }
        break;
    case ACCESS_ldf_128:
    case ACCESS_ldf_64:
        for (uint32_t k = 0; k < (i->access == ACCESS_ldf_128 ? 4u : 2u); ++k) {
            core->f.bits[float_register(i, k)] = v.u32[k];
        }
        break;
    case ACCESS_ldqa_s8_128: fill_lanes(core, &v, 0); break;
    case ACCESS_ldqa_s16_128: fill_lanes(core, &v, 1); break;
    case ACCESS_ldqa_u8_128: fill_lanes(core, &v, 3); break;
    case ACCESS_ldqa_u16_128: fill_lanes(core, &v, 4); break;
    case ACCESS_ld_qacc_h_h_32:
    case ACCESS_ld_qacc_l_h_32:
    case ACCESS_ld_qacc_h_l_128:
    case ACCESS_ld_qacc_l_l_128: {
        const bool is_high = i->access == ACCESS_ld_qacc_h_h_32 || i->access == ACCESS_ld_qacc_h_l_128;
        const uint32_t nbytes = pie_access_bytes(i->access);
        half_to_bytes(core, is_high, half);
        memcpy(half + (nbytes == 4 ? 16 : 0), bytes, nbytes);
        half_from_bytes(core, is_high, half);
        break;
    }
    case ACCESS_ld_accx:
        memcpy(&wide, bytes, 8);
        core->accx = (int64_t)(wide << 24) >> 24;
        break;
    case ACCESS_ldxq_32: u->u32[i->select & 3u] = v.u32[0]; break;
    default: memcpy(core->ua_state, bytes, 16); break; /* ld_ua_state */
    }
}

void pie_write(const lx7_core *core, const lx7_insn *i, uint8_t *bytes, const vector *u)
{
    uint8_t half[20];
    const uint64_t accx = (uint64_t)core->accx & UINT64_C(0xFFFFFFFFFF);
    switch (i->access) {
    case ACCESS_vst_128:
    case ACCESS_st_qr: memcpy(bytes, u, 16); break;
    case ACCESS_vst_h_64: memcpy(bytes, &u->u8[8], 8); break;
    case ACCESS_vst_l_64: memcpy(bytes, u, 8); break;
    case ACCESS_stf_128:
    case ACCESS_stf_64:
        for (uint32_t k = 0; k < (i->access == ACCESS_stf_128 ? 4u : 2u); ++k) {
            memcpy(bytes + 4 * k, &core->f.bits[float_register(i, k)], 4);
        }
        break;
    case ACCESS_st_qacc_h_h_32:
    case ACCESS_st_qacc_l_h_32:
    case ACCESS_st_qacc_h_l_128:
    case ACCESS_st_qacc_l_l_128: {
        const bool is_high = i->access == ACCESS_st_qacc_h_h_32 || i->access == ACCESS_st_qacc_h_l_128;
        const uint32_t nbytes = pie_access_bytes(i->access);
        half_to_bytes(core, is_high, half);
        memcpy(bytes, half + (nbytes == 4 ? 16 : 0), nbytes);
        break;
    }
    case ACCESS_st_accx: memcpy(bytes, &accx, 8); break;
    case ACCESS_stxq_32: memcpy(bytes, &u->u32[i->select & 3u], 4); break;
    default: memcpy(bytes, core->ua_state, 16); break; /* st_ua_state */
    }
}
