"""RELU, RELU6, LOGISTIC, TANH: one int8 value to another, by a table computed here.

Their forms for int16 values are in ``wide_activation``.

Each op's ``..._table`` is TFLM's integer arithmetic on all 256 inputs; the reference looks values
up in it, and so does the kernel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.dtype import INT8, INT16
from tinyml.ir.fixedmath import logistic, tanh
from tinyml.ir.fixedpoint import (
    IntArray,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide_by_pot,
    wrap_int32,
)
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.ops import float_math
from tinyml.ops.common import (
    INT8_MAX,
    INT8_MIN,
    activation_range,
    has_same_quantisation,
    operand,
    operand_count,
    quant_of,
    result,
)
from tinyml.ops.float_elementwise import clamping, float_unary
from tinyml.ops.forms import Constraint, Form, as_constraint
from tinyml.ops.lookup import BYTE_MAP, NO_OPTIONS, input_values, look_up, lookup_call
from tinyml.ops.operands import have_one_scale, no_macs, same_shape
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import (
    SIGNED_UNIT,
    UNIT,
    Activation,
    Axes,
    ByteMap,
    Rows,
    Scales,
    Trait,
    Unsigned,
)
from tinyml.ops.wide_activation import WIDE_FORMS

RELU = "RELU"  # its key, for those who build one

INTEGER_BITS = 4  # of the fixed-point argument of LOGISTIC and TANH: saturated from 16 on
MAX_RELU_SHIFT = 22  # an offset int8 value takes 9 bits with its sign

Table = Callable[[Op, Graph], Array]


def relu_table(op: Op, graph: Graph) -> Array:
    """max(x, 0), rescaled to the output's quantisation.

    Source: TensorFlow Lite Micro, CalculateReluOpData, ReluQuantized.
    """
    given, out = quant_of(graph.tensors[op.inputs[0]]), quant_of(result(op, graph))
    multiplier, shift = relu_factor(op, graph)
    centred = input_values(INT8) - given.zero_point
    scaled = multiply_by_quantized_multiplier(centred, multiplier, shift)
    low, high = activation_range("RELU", out)
    return np.clip(wrap_int32(scaled + out.zero_point), low, high).astype(np.int8)


def relu_factor(op: Op, graph: Graph) -> tuple[int, int]:
    """Factor from the input's scale to the output's, divided in binary64.

    The sources of TFLM divide in binary32; its wheel does not: tests/test_adversarial_scales.py.
    """
    given, out = quant_of(graph.tensors[op.inputs[0]]), quant_of(result(op, graph))
    return quantize_multiplier(float(np.float32(given.scale)) / float(np.float32(out.scale)))


def relu_fits_32_bits(op: Op, graph: Graph) -> str | None:
    """The output scale must be above 2^-22 of the input scale, 2^-14 of int16 values."""
    shift = relu_factor(op, graph)[1]
    return None if shift <= max_shift(op, graph) else f"2^{-shift}"


def max_shift(op: Op, graph: Graph) -> int:
    """The largest left shift of an offset value of the input's type that 32 bits hold."""
    return {INT8: MAX_RELU_SHIFT, INT16: 14}[graph.tensors[op.inputs[0]].dtype]


def relu6_table(op: Op, graph: Graph) -> Array:
    """Values between those that stand for 0 and 6; TFLM does not rescale here (Relu6Quantized)."""
    low, high = activation_range("RELU6", quant_of(graph.tensors[op.inputs[0]]))
    return np.minimum(np.maximum(input_values(INT8), low), high).astype(np.int8)


@as_constraint
def six_is_in_range(op: Op, graph: Graph) -> None:
    """The scale must not be so small that 6 overflows."""
    activation_range("RELU6", quant_of(graph.tensors[op.inputs[0]]))


def argument_factor(op: Op, graph: Graph) -> tuple[int, int, int]:
    """Multiplier and shift to Q4, and the input distance from which the result is saturated.

    Source: TensorFlow Lite, CalculateInputRadius (kernels/internal/quantization_util.cc).
    """
    scale = float(np.float32(quant_of(graph.tensors[op.inputs[0]]).scale))
    one = 1 << (31 - INTEGER_BITS)
    multiplier, shift = quantize_multiplier(scale * one) if scale < 8.0 else (0, 31)
    radius = math.floor(((1 << INTEGER_BITS) - 1) * one / 2.0**shift)
    return multiplier, shift, radius


def scale_is_moderate(op: Op, graph: Graph) -> str | None:
    """The input scale must be from 2^-28 to below 2^35, where TFLM's shifts are defined."""
    given = operand(op, graph, 0)
    if given is None or given.quant is None or 2.0**-28 <= given.quant.scale < 2.0**35:
        return None
    return f"{given.quant.scale:g}"


def output_is(scale: float, zero_point: int) -> Constraint:
    """A constraint that fixes the output's quantisation."""

    def has_fixed_quantisation(op: Op, graph: Graph) -> str | None:
        quant = quant_of(result(op, graph))
        if (quant.scale, quant.zero_point) == (scale, zero_point):
            return None
        return f"{quant.scale:g} and {quant.zero_point}"

    text = f"The output must have scale 1/{round(1 / scale)} and zero point {zero_point}."
    has_fixed_quantisation.__doc__ = text
    return has_fixed_quantisation


def zero_point_is_lowest(op: Op, graph: Graph) -> str | None:
    """The output must have the zero point -128; TFLM computes in 1/256, whatever its scale."""
    point = quant_of(result(op, graph)).zero_point
    return None if point == INT8_MIN else f"{point}"


def _saturating_table(
    op: Op, graph: Graph, function: Callable[[IntArray, int], IntArray], drop: int, zero_point: int
) -> Array:
    given = quant_of(graph.tensors[op.inputs[0]]).zero_point
    return _table(argument_factor(op, graph), given, (function, drop), zero_point)


@lru_cache(maxsize=64)  # the steps of a recurrent layer have the same
def _table(
    factor: tuple[int, int, int],
    given: int,
    what: tuple[Callable[[IntArray, int], IntArray], int],
    zero_point: int,
) -> Array:
    multiplier, shift, radius = factor
    function, drop = what
    centred = input_values(INT8) - given
    inside: NDArray[np.bool_] = np.abs(centred) < radius
    argument = multiply_by_quantized_multiplier(np.where(inside, centred, 0), multiplier, shift)
    value = rounding_divide_by_pot(function(argument, INTEGER_BITS), drop) + zero_point
    outside = np.where(centred <= -radius, INT8_MIN, INT8_MAX)
    made = np.clip(np.where(inside, value, outside), INT8_MIN, INT8_MAX).astype(np.int8)
    made.flags.writeable = False
    return made


def logistic_table(op: Op, graph: Graph) -> Array:
    """1 / (1 + exp(-x)) in units of 1/256 above -128. Source: reference_integer_ops::Logistic."""
    return _saturating_table(op, graph, logistic, 31 - 8, INT8_MIN)


def tanh_table(op: Op, graph: Graph) -> Array:
    """tanh(x) in units of 1/128, whatever the scale. Source: reference_integer_ops::Tanh."""
    return _saturating_table(op, graph, tanh, 31 - 7, 0)


_TRAITS: dict[str, tuple[Trait, ...]] = {
    "LOGISTIC": (Scales("fixed", (8, 16), UNIT),),
    "RELU": (Activation("RELU"), Scales("own", (8, 16), carries_range=True)),
    "RELU6": (Activation("RELU6"), Scales("same", (8, 16))),
    "TANH": (Scales("fixed", (8, 16), SIGNED_UNIT),),
}


_FLOATS = {
    "LOGISTIC": float_unary("logistic", lambda op, x: float_math.logistic(x), instructions=80),
    "RELU": clamping("RELU"),
    "RELU6": clamping("RELU6"),
    "TANH": float_unary("tanh", lambda op, x: float_math.tanh(x), instructions=70),
}


def _spec(kind: str, title: str, table: Table, constraints: tuple[Constraint, ...]) -> OpSpec:
    def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
        assert inputs[0] is not None
        return (look_up(table(op, graph), inputs[0]),)

    def lower(op: Op, graph: Graph) -> KernelCall:
        return lookup_call(op, graph, table(op, graph), what=kind)

    return OpSpec(
        kind=kind,
        title=title,
        traits=(ByteMap(), Unsigned(), Rows(), Axes("each"), *_TRAITS[kind]),
        table=NO_OPTIONS,
        inputs=("input",),
        constraints=(operand_count(1, 1), have_one_scale),
        infer=same_shape,
        macs=no_macs,
        forms=(
            Form("s8", BYTE_MAP, reference, lower, constraints),
            WIDE_FORMS[kind],
            _FLOATS[kind],
        ),
    )


OPS = (
    _spec(
        "LOGISTIC",
        "1 / (1 + exp(-x))",
        logistic_table,
        (scale_is_moderate, zero_point_is_lowest),
    ),
    _spec(RELU, "max(x, 0)", relu_table, (relu_fits_32_bits,)),
    _spec("RELU6", "min(max(x, 0), 6)", relu6_table, (has_same_quantisation, six_is_in_range)),
    _spec("TANH", "hyperbolic tangent", tanh_table, (scale_is_moderate,)),
)
