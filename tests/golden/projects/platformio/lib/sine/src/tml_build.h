/* tml_build.h: compiler options of this library, which its build system has no other place for.
 *
 * Made by tinyml 0.1.0. tml.h includes it.
 */
#ifndef TML_BUILD_H
#define TML_BUILD_H

#define TML_AGENT 1
#define TML_PROFILE 1

/* The kernels are written to be specialised by the optimiser; frameworks compile for size. The arena's
 * bytes are read as several types. Your own C++ stays as it is. */
#if defined(__GNUC__) && !defined(__clang__) && !defined(__cplusplus)
#pragma GCC optimize("O3", "no-strict-aliasing", "no-math-errno")
#endif

#endif
