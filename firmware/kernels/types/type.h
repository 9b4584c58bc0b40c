/* How a kernel is written once and serves several types of values.
 *
 * A kernel is a walk times an arithmetic. What it goes through, and in which order, is the same for
 * every type: kernels/<op>/body.h, and kernels/walks/ for what several operators share. How a value
 * is read, summed, rescaled and clamped is the type's: kernels/types/<type>.h. Bodies and walks have
 * no include guard: kernels/<op>/<type>.h defines TML_OP and TML_TYPE and includes them, so that each
 * operator has functions of its own for each type, which live together in one program.
 */
#ifndef TML_TYPE_H
#define TML_TYPE_H

#include "tml.h"

#define TML_JOIN_2(a, b) a##_##b
#define TML_JOIN_3(a, b, c) tml_##a##_##b##_##c
#define TML_NAME_OF(name, type) TML_JOIN_2(name, type)
#define TML_NAME_OWN(op, name, type) TML_JOIN_3(op, name, type)

/* What a type has: TML_OF(tml_value) is tml_value_s8. */
#define TML_OF(name) TML_NAME_OF(name, TML_TYPE)

/* What an operator has for a type: TML_OWN(output) is tml_conv_2d_output_s8. */
#define TML_OWN(name) TML_NAME_OWN(TML_OP, name, TML_TYPE)

#endif
