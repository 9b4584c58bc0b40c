/* tml.h: what every tinyml kernel and every generated model includes.
 *
 * C11 and C++17, freestanding. A kernel is a `static inline` function over a params struct; the
 * generated model calls it with constant params, so the compiler specialises it for the layer.
 */
#ifndef TML_H
#define TML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A build system that has no compiler options for one library (Arduino) has them in a header. */
#ifdef __has_include
#if __has_include("tml_build.h")
#include "tml_build.h"
#endif
#endif

/* Contract between generated C and the kernels. Raised when either side changes shape. */
#define TML_ABI_VERSION 1

#ifdef __cplusplus
#define TML_ALIGNAS(n) __attribute__((aligned(n))) /* unlike alignas, also behind static */
#define TML_STATIC_ASSERT static_assert
#define TML_EXTERN_C extern "C"
#else
#define TML_ALIGNAS(n) _Alignas(n)
#define TML_STATIC_ASSERT _Static_assert
#define TML_EXTERN_C
#endif

/* Kernels are always inlined: their params are constants at every call. */
#define TML_KERNEL static inline __attribute__((always_inline))

/* One shared body for several layers (--optimize size). */
#define TML_NOINLINE __attribute__((noinline))

/* Constants that the start-up code copies to RAM with all initialised data: flash would be waited for. */
#ifdef __ELF__
#define TML_IN_RAM(symbol) __attribute__((section(".data." #symbol)))
#else
#define TML_IN_RAM(symbol)
#endif

/* In front of a loop that is fastest and smallest as it is written: compilers for small cores
 * otherwise unroll it until they run out of registers. */
#if defined(__clang__)
#define TML_ROLLED _Pragma("clang loop unroll(disable) vectorize(disable)")
#elif defined(__GNUC__)
#define TML_ROLLED _Pragma("GCC unroll 1")
#else
#define TML_ROLLED
#endif

/* The compiler forgets where a pointer comes from, so that it does not replace the pointers of nested
 * loops by more of them than there are registers. Costs no instruction. */
#if defined(__GNUC__) || defined(__clang__)
#define TML_OPAQUE(pointer) __asm__("" : "+r"(pointer))
#else
#define TML_OPAQUE(pointer) ((void)0)
#endif

/* A factor in front of an integer that becomes a float, hidden from the compiler where it must be: for cores
 * with MVE, clang (seen in 22.1) makes one VCVT from fixed point of `(float)x * 2^-n` over an array, and now
 * and then puts the number of a register in the place of n. The multiplication that stays is one instruction
 * for four values. */
TML_KERNEL float tml_factor(float factor)
{
#if defined(__clang__) && defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)
    __asm__("" : "+r"(factor));
#endif
    return factor;
}

/* In front of a loop of constant length that is to be written out (up to 8 times at once). */
#if defined(__clang__)
#define TML_UNROLLED _Pragma("clang loop unroll_count(8)")
#elif defined(__GNUC__)
#define TML_UNROLLED _Pragma("GCC unroll 8")
#else
#define TML_UNROLLED
#endif

/* Repeats a kernel's contract in debug builds; costs nothing otherwise. */
#ifdef TML_DEBUG
#define TML_ASSERT(condition) ((condition) ? (void)0 : __builtin_trap())
#else
#define TML_ASSERT(condition) ((void)0)
#endif

/* Wraps each layer of a generated model. With TML_PROFILE the agent is told after each layer and may
 * end the inference there (to look at an intermediate tensor), with TML_PAUSE other tasks may run then;
 * without both the call stands alone. */
#ifdef TML_PROFILE
TML_EXTERN_C bool tml_layer_done(uint32_t layer);
#define TML_LAYER(index, call) \
    do { \
        call; \
        if (tml_layer_done(index)) { \
            return; \
        } \
    } while (0)
#elif defined(TML_PAUSE)
TML_EXTERN_C void tml_port_pause(void);
#define TML_LAYER(index, call) \
    do { \
        call; \
        tml_port_pause(); \
    } while (0)
#else
#define TML_LAYER(index, call) call
#endif

/* Wraps each model where a program holds several and runs all of them: when the agent has ended the inference,
 * no other begins. */
#ifdef TML_PROFILE
TML_EXTERN_C bool tml_inference_is_ended(void);
#define TML_PART(call) \
    do { \
        call; \
        if (tml_inference_is_ended()) { \
            return; \
        } \
    } while (0)
#else
#define TML_PART(call) call
#endif

/* Bounds of the output values: the fused activation, or the whole range of the type. */
typedef struct {
    int32_t min;
    int32_t max;
} tml_clamp;

/* value * multiplier * 2^(shift - 31), rounded as in tml_fixedpoint.h; shift > 0 is to the left. */
typedef struct {
    int32_t multiplier;
    int32_t shift;
} tml_requant;

/* One input or output of a model, for code that serves any model (the agent). */
typedef struct {
    void *data;
    uint32_t bytes;
    float scale; /* 0 when the tensor is not quantised */
    int32_t zero_point;
    char dtype; /* 'b' int8, 'B' uint8, 'h' int16, 'i' int32, 'I' uint32, 'q' int64, 'f' float32,
                         * '?' bool */
} tml_tensor;

/* A generated model, for code that serves any model. */
typedef struct {
    const char *name;
    const char *sha256; /* first 12 digits of the .tflite file's SHA-256 */
    void (*invoke)(void);
    const tml_tensor *inputs;
    const tml_tensor *outputs;
    const tml_tensor *layers; /* output of each layer, valid right after that layer */
    uint8_t *arena;
    uint32_t arena_bytes;
    uint16_t input_count;
    uint16_t output_count;
    uint16_t layer_count; /* invoke() overwrites the inputs: fill them before every inference */
    void (*reset)(void);  /* NULL, or: forgets the state that inferences leave for the next one */
} tml_model;

#endif
