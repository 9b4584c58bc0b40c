/* fully_connected_s8.h: FULLY_CONNECTED of one row: one multiplication for two outputs.
 *
 * The idea of pairs.h turned around: two outputs' weights share a register.
 *
 *    word            = w0+128 | w1+128 | w2+128 | w3+128    four outputs' weights of one input
 *    odd = (word >> 8) & M = w1 + 128 + (w3 + 128) * 2^16   M = 0x00FF00FF
 *    word            = even + odd * 2^8                     even = w0 + 128 + (w2 + 128) * 2^16
 *
 * Words and odds times x are added up, even = all - odd * 2^8 once per chunk of 4 or 8 inputs, whose
 * sums fit the 16-bit fields. The stream of inputs that serves all outputs
 *
 *    | start of all, of odd | x0 x1 x2 x3 | ...
 *
 * starts a chunk with 2^15 in the lower fields and with the 128s taken off. Without stream (`is_direct`)
 * inputs are read where they are and starts are found anew for each block: no scratch. Weights lie in blocks of
 * 4 * `quads` outputs, the block's weights of an input side by side, inputs filled up to chunks.
 *
 * Scratch: 4 * (chunk + 2) bytes per chunk.
 * Instructions per chunk and block of n quads: 7 + chunk * (1 + 7 n) + 8 n, for 4 n chunk products.
 */
#ifndef TML_PORTABLE_FULLY_CONNECTED_S8_H
#define TML_PORTABLE_FULLY_CONNECTED_S8_H

#include "kernels/portable/rescale.h"

#define TML_QUADS 2 /* at most */

typedef struct {
    int32_t in_features;
    int32_t out_features;
    int32_t chunk; /* inputs: 4 or 8 */
    int32_t quads; /* of outputs in a block: 1 or 2 */
    bool is_direct; /* no stream; inputs are whole chunks */
    bool has_rest; /* some weights were cut down, so that fields hold their chunk */
    tml_portable_rescale rescale;
} tml_portable_fully_connected_params;

/* With what the odd outputs of a chunk begin, by the sum of its inputs. */
TML_KERNEL uint32_t tml_quad_start(uint32_t sum)
{
    return (UINT32_C(1) << 15) - (sum << 7) - (sum << 23);
}

/* Fills the stream; returns its end. */
TML_KERNEL const uint32_t *tml_portable_inputs(const tml_portable_fully_connected_params *params,
                                               const int8_t *input, uint32_t *stream)
{
    TML_ROLLED
    for (int32_t from = 0; from < params->in_features; from += params->chunk) {
        uint32_t sum = 0;
        TML_ROLLED
        for (int32_t i = 0; i < params->chunk; ++i) {
            const bool is_input
                = params->in_features % params->chunk == 0 || from + i < params->in_features;
            const uint32_t x = is_input ? (uint32_t)input[from + i] : 0;
            stream[2 + i] = x;
            sum += x;
        }
        const uint32_t start = tml_quad_start(sum);
        stream[0] = start + (start << 8);
        stream[1] = start;
        stream += 2 + params->chunk;
    }
    return stream;
}

#if defined(__thumb__) && !defined(__thumb2__)
#define TML_QUAD_TAP \
    "ldmia %[stream]!, {r4}\n\tldmia %[weights]!, {r5}\n\t" \
    "lsrs r6, r5, #8\n\tands r6, %[mask]\n\t" \
    "muls r5, r4\n\tadds r2, r5\n\tmuls r6, r4\n\tadds r3, r6\n\t"
#define TML_QUAD_CHUNKS(taps) \
    __asm__ volatile(".syntax unified\n" /* gcc takes the older one for Armv6-M */ \
                     "1:\n\t" \
                     "ldmia %[stream]!, {r2, r3}\n\t" taps \
                     "lsls r4, r3, #8\n\t" \
                     "subs r2, r4\n\t" \
                     "add %[both0], r2\n\t" \
                     "asrs r2, r2, #16\n\t" \
                     "add %[high0], r2\n\t" \
                     "add %[both1], r3\n\t" \
                     "asrs r3, r3, #16\n\t" \
                     "add %[high1], r3\n\t" \
                     "cmp %[stream], %[end]\n\t" \
                     "bne 1b" \
                     : [stream] "+&l"(stream), [weights] "+&l"(weights), [both0] "+&h"(both0), \
                       [high0] "+&h"(high0), [both1] "+&h"(both1), [high1] "+&h"(high1) \
                     : [end] "h"(end), [mask] "l"(0x00FF00FFu) \
                     : "r2", "r3", "r4", "r5", "r6", "cc", "memory")
#define TML_QUAD_FOUR TML_QUAD_TAP TML_QUAD_TAP TML_QUAD_TAP TML_QUAD_TAP

/* Adds the chunks of one quad, for Armv6-M: see pairs.h. Returns the next block's weights. */
TML_KERNEL const uint32_t *tml_portable_quads(const tml_portable_fully_connected_params *params,
                                              const int8_t *input, const uint32_t *stream,
                                              const uint32_t *end,
                                              const uint32_t *weights, uint32_t *both,
                                              uint32_t *high)
{
    (void)input;
    uint32_t both0 = 0, both1 = 0, high0 = 0, high1 = 0;
    if (params->chunk == 8) {
        TML_QUAD_CHUNKS(TML_QUAD_FOUR TML_QUAD_FOUR);
    } else {
        TML_QUAD_CHUNKS(TML_QUAD_FOUR);
    }
    both[0] = both0;
    both[1] = both1;
    high[0] = high0;
    high[1] = high1;
    return weights;
}
#else
/* Adds the chunks of one block; both and high have two elements per quad: even and odd outputs.
 * Returns the next block's weights. */
TML_KERNEL const uint32_t *tml_portable_quads(const tml_portable_fully_connected_params *params,
                                              const int8_t *input, const uint32_t *stream,
                                              const uint32_t *end,
                                              const uint32_t *weights, uint32_t *both_out,
                                              uint32_t *high_out)
{
    const int32_t quads = params->quads;
    const int8_t *const last = input + params->in_features;
    uint32_t both[2 * TML_QUADS] = {0}, high[2 * TML_QUADS] = {0};
    TML_ROLLED
    do {
        uint32_t all[TML_QUADS], odd[TML_QUADS], sum = 0;
        for (int32_t quad = 0; quad < quads; ++quad) {
            all[quad] = params->is_direct ? 0 : stream[0];
            odd[quad] = params->is_direct ? 0 : stream[1];
        }
        TML_UNROLLED
        for (int32_t i = 0; i < params->chunk; ++i) {
            const uint32_t x = params->is_direct ? (uint32_t)input[i] : stream[2 + i];
            sum += x;
            for (int32_t quad = 0; quad < quads; ++quad) {
                const uint32_t word = weights[i * quads + quad];
                all[quad] += word * x;
                odd[quad] += ((word >> 8) & 0x00FF00FFu) * x;
                TML_SETTLED(all[quad], odd[quad]);
            }
            TML_IN_ORDER;
        }
        const uint32_t start = params->is_direct ? tml_quad_start(sum) : 0;
        for (int32_t quad = 0; quad < quads; ++quad) {
            odd[quad] += start;
            const uint32_t even = all[quad] + start + (start << 8) - (odd[quad] << 8);
            both[2 * quad] += even;
            high[2 * quad] += (uint32_t)((int32_t)even >> 16);
            both[2 * quad + 1] += odd[quad];
            high[2 * quad + 1] += (uint32_t)((int32_t)odd[quad] >> 16);
        }
        stream += params->is_direct ? 0 : 2 + params->chunk;
        input += params->chunk;
        weights += params->chunk * quads;
    } while (params->is_direct ? input != last : stream != end);
    for (int32_t i = 0; i < 2 * quads; ++i) {
        both_out[i] = both[i];
        high_out[i] = high[i];
    }
    return weights;
}
#endif

TML_KERNEL void tml_portable_fully_connected_s8(const tml_portable_fully_connected_params *params,
                                                const int8_t *input, const uint32_t *weights,
                                                const int32_t *words, const int16_t *rest,
                                                int8_t *output, uint32_t *scratch)
{
    const int32_t chunks = (params->in_features + params->chunk - 1) / params->chunk;
    const int32_t block = 4 * params->quads;
    const uint32_t *const end
        = params->is_direct ? scratch : tml_portable_inputs(params, input, scratch);
    TML_ROLLED
    for (int32_t from = 0; from < params->out_features; from += block) {
        uint32_t both[2 * TML_QUADS] = {0}, high[2 * TML_QUADS] = {0};
        weights = tml_portable_quads(params, input, scratch, end, weights, both, high);
        TML_UNROLLED
        for (int32_t i = 0; i < block; ++i) {
            if (params->out_features % block != 0 && from + i >= params->out_features) {
                break;
            }
            const int32_t at = i / 4 * 2 + i % 2;
            uint32_t sum = i % 4 < 2 ? both[at] - (high[at] << 16) - ((uint32_t)chunks << 15)
                                     : high[at];
            if (params->has_rest) {
                TML_ROLLED
                for (int32_t count = *rest++; count > 0; --count) {
                    sum += (uint32_t)(input[rest[0]] * rest[1]);
                    rest += 2;
                }
            }
            output[from + i] = tml_portable_output(&params->rescale, words,
                                                   (int32_t)(sum + (uint32_t)words[0]));
            words += tml_portable_words(&params->rescale);
        }
    }
}

#endif
