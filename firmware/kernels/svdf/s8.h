/* SVDF of int8 values, with a state and weights over time of int8 or int16; params.h says what it
 * computes.
 */
#ifndef TML_SVDF_S8_H
#define TML_SVDF_S8_H

#include "kernels/svdf/params.h"

typedef tml_svdf_params tml_svdf_params_s16;

TML_KERNEL void tml_svdf_s8(const tml_svdf_params *params, const int8_t *input,
                            const int8_t *feature, const int8_t *time, const int32_t *bias,
                            int8_t *state, int8_t *output);
TML_KERNEL void tml_svdf_s8_s16(const tml_svdf_params *params, const int8_t *input,
                                const int8_t *feature, const int16_t *time, const int32_t *bias,
                                int16_t *state, int8_t *output);

#define TML_SVDF tml_svdf_s8
#define TML_STATE int8_t
#define TML_STATE_MIN INT8_MIN
#define TML_STATE_MAX INT8_MAX
#include "kernels/svdf/body.h"
#undef TML_SVDF
#undef TML_STATE
#undef TML_STATE_MIN
#undef TML_STATE_MAX

#define TML_SVDF tml_svdf_s8_s16
#define TML_STATE int16_t
#define TML_STATE_MIN INT16_MIN
#define TML_STATE_MAX INT16_MAX
#include "kernels/svdf/body.h"
#undef TML_SVDF
#undef TML_STATE
#undef TML_STATE_MIN
#undef TML_STATE_MAX

#endif
