"""Operators that TFLM has for float32 alone: roots, logarithms, roundings, remainders."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyml.ops import float_math
from tinyml.ops.common import operand_count
from tinyml.ops.elementwise import has_few_dimensions, infer
from tinyml.ops.float_elementwise import float_binary, float_unary
from tinyml.ops.float_math import Floats
from tinyml.ops.lookup import no_options
from tinyml.ops.operands import no_macs, same_shape
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import Axes

NEG, SQRT, SQUARE = "NEG", "SQRT", "SQUARE"  # keys, for those who build such ops
FLOOR_DIV, FLOOR_MOD = "FLOOR_DIV", "FLOOR_MOD"


# Five parameters: an operator's name, words, options, function and work.
def _unary(
    kind: str, title: str, table: str, function: Callable[[Floats], Floats], instructions: int = 20
) -> OpSpec:
    def of_values(_: object, x: Floats) -> Floats:
        with np.errstate(all="ignore"):
            return np.asarray(function(x), np.float32)

    return OpSpec(
        kind=kind,
        title=title,
        traits=(Axes("each"),),
        table=no_options(table),
        inputs=("input",),
        constraints=(operand_count(1, 1),),
        infer=same_shape,
        macs=no_macs,
        forms=(float_unary(kind.lower(), of_values, instructions=instructions),),
    )


def _binary(
    kind: str, title: str, table: str, function: Callable[[Floats, Floats], Floats]
) -> OpSpec:
    return OpSpec(
        kind=kind,
        title=title,
        traits=(Axes("broadcast"),),
        table=no_options(table),
        inputs=("left", "right"),
        constraints=(operand_count(2, 2), has_few_dimensions),
        infer=infer,
        macs=no_macs,
        forms=(float_binary(kind.lower(), function),),
    )


OPS = (
    _unary("CEIL", "the next whole number upwards", "", lambda x: np.ceil(x)),
    _unary("EXP", "e to the power of x", "ExpOptions", float_math.exp, 60),
    _unary("FLOOR", "the next whole number downwards", "", float_math.floor),
    _unary("LOG", "the natural logarithm", "", float_math.log, 70),
    _unary(NEG, "-x", "NegOptions", lambda x: -x, 6),
    _unary("ROUND", "the nearest whole number, halves to even", "", float_math.round_half_even, 25),
    _unary("SIN", "the sine, of radians", "", float_math.sine, 90),
    _unary("COS", "the cosine, of radians", "CosOptions", lambda x: float_math.sine(x, 1), 90),
    _unary(SQRT, "the square root", "", lambda x: np.sqrt(x), 40),
    _unary(SQUARE, "x times x", "SquareOptions", lambda x: x * x, 6),
    _binary(
        FLOOR_DIV,
        "the quotient, rounded down, with broadcasting",
        "FloorDivOptions",
        float_math.floor_divide,
    ),
    _binary(
        FLOOR_MOD,
        "what is left of a quotient rounded down, with broadcasting",
        "FloorModOptions",
        float_math.floor_mod,
    ),
)
