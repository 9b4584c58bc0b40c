/* pie.h: what instructions of the vector unit are made of; the table in pie.toml says which of each. */
#ifndef TML_PIE_H
#define TML_PIE_H

#include "lx7.h"

/* In groups whose order pie.c relies on: pairs of s8, s16, s32; products of s8, s16, u8, u16; zip, unzip. */
#define PIE_OPERATIONS(X)                                                                                          \
    X(none) X(vadds_s8) X(vadds_s16) X(vadds_s32) X(vsubs_s8) X(vsubs_s16) X(vsubs_s32) X(vmax_s8) X(vmax_s16)     \
    X(vmax_s32) X(vmin_s8) X(vmin_s16) X(vmin_s32) X(vcmp_eq_s8) X(vcmp_eq_s16) X(vcmp_eq_s32) X(vcmp_lt_s8)       \
    X(vcmp_lt_s16) X(vcmp_lt_s32) X(vcmp_gt_s8) X(vcmp_gt_s16) X(vcmp_gt_s32) X(vmul_s8) X(vmul_s16) X(vmul_u8)    \
    X(vmul_u16) X(vmulas_s8_accx) X(vmulas_s16_accx) X(vmulas_u8_accx) X(vmulas_u16_accx) X(vmulas_s8_qacc)        \
    X(vmulas_s16_qacc) X(vmulas_u8_qacc) X(vmulas_u16_qacc) X(vzip_8) X(vzip_16) X(vzip_32) X(vunzip_8)            \
    X(vunzip_16) X(vunzip_32) X(vsmulas_s8_qacc) X(vsmulas_s16_qacc) X(srcmb_s8_qacc) X(srcmb_s16_qacc)            \
    X(srs_accx) X(vrelu_s8) X(vrelu_s16) X(vprelu_s8) X(vprelu_s16) X(andq) X(orq) X(xorq) X(notq) X(slci_2q)      \
    X(srci_2q) X(slcxxp_2q) X(srcxxp_2q) X(src_q) X(src_q_qup) X(vsl_32) X(vsr_32) X(zero_accx) X(zero_qacc) X(zero_q)          \
    X(mov_s8_qacc) X(mov_s16_qacc) X(mov_u8_qacc) X(mov_u16_qacc) X(movi_32_a) X(movi_32_q) X(mv_qr) X(cmul_s16)   \
    X(set_bit_gpio_out) X(clr_bit_gpio_out) X(wr_mask_gpio_out) X(fft_r2bf_s16) X(fft_r2bf_s16_st_incp)            \
    X(fft_cmul_s16_ld_xp) X(fft_cmul_s16_st_xp) X(fft_ams_s16_ld_incp) X(fft_ams_s16_ld_incp_uaup)                 \
    X(fft_ams_s16_ld_r32_decp) X(fft_ams_s16_st_incp) X(fft_vst_r32_decp) X(unknown)

/* Those up to ld_128_usar fill a vector register; those from vst_128 on store. */
#define PIE_ACCESSES(X)                                                                                            \
    X(none) X(vld_128) X(vld_h_64) X(vld_l_64) X(vldbc_8) X(vldbc_16) X(vldbc_32) X(vldhbc_16) X(ldxq_32) X(ld_qr) \
    X(ld_128_usar) X(ldf_128) X(ldf_64) X(ldqa_s8_128) X(ldqa_s16_128) X(ldqa_u8_128) X(ldqa_u16_128)              \
    X(ld_qacc_h_h_32) X(ld_qacc_h_l_128) X(ld_qacc_l_h_32) X(ld_qacc_l_l_128) X(ld_accx) X(ld_ua_state)            \
    X(vst_128) X(vst_h_64) X(vst_l_64) X(st_qr) X(srcq_128) X(stxq_32) X(stf_128) X(stf_64) X(st_qacc_h_h_32)      \
    X(st_qacc_h_l_128) X(st_qacc_l_h_32) X(st_qacc_l_l_128) X(st_accx) X(st_ua_state)

/* Of the address: by a constant, a register, the bytes of the access; not at all; or the constant is an offset. */
#define PIE_STEPS(X) X(stay) X(ip) X(xp) X(incp) X(offset)

typedef enum {
#define PIE_ENUM(name) PIE_##name,
    PIE_OPERATIONS(PIE_ENUM)
#undef PIE_ENUM
} pie_operation;

typedef enum {
#define ACCESS_ENUM(name) ACCESS_##name,
    PIE_ACCESSES(ACCESS_ENUM)
#undef ACCESS_ENUM
} pie_access;

typedef enum {
#define STEP_ENUM(name) STEP_##name,
    PIE_STEPS(STEP_ENUM)
#undef STEP_ENUM
} pie_step;

#endif
