"""ABS and RSQRT: |x| and 1 / sqrt(x), of int8 values by a table computed here.

Each op's ``..._table`` is TFLM's integer arithmetic on all 256 inputs; the reference looks values
up in it, and so does the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import sqrt

import numpy as np

from tinyml.ir.dtype import INT8, INT16
from tinyml.ir.fixedmath import inverse_square_root
from tinyml.ir.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier, wrap_int32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, of_elements
from tinyml.ops.activation import relu_factor, relu_fits_32_bits
from tinyml.ops.common import (
    INT8_MAX,
    INT8_MIN,
    operand_count,
    quant_of,
    requant_struct,
    result,
    zero_points_are_zero,
)
from tinyml.ops.extents import elementwise
from tinyml.ops.float_elementwise import float_unary
from tinyml.ops.float_math import Floats
from tinyml.ops.forms import Constraint, Form, typed
from tinyml.ops.halves import cut_elements
from tinyml.ops.lookup import BYTE_MAP, input_values, look_up, lookup_call, no_options
from tinyml.ops.operands import have_one_scale, input_argument, no_macs, same_shape
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import Axes, ByteMap, Scales
from tinyml.ops.wide_activation import WIDE_FORMS

RSQRT = "RSQRT"  # its key, for those who build one

_WIDE_INSTRUCTIONS = 230  # per value: five steps of Newton's method
_FRACTION_BITS = 20  # of the inverse root before it is brought to the output's scale


def abs_table(op: Op, graph: Graph) -> Array:
    """|x|. Source: TensorFlow Lite Micro, AbsEvalQuantized (micro/kernels/elementwise.cc)."""
    given, out = quant_of(graph.tensors[op.inputs[0]]), quant_of(result(op, graph))
    value = np.abs(input_values(INT8) - given.zero_point)
    if np.float32(given.scale) != np.float32(out.scale):
        value = multiply_by_quantized_multiplier(value, *relu_factor(op, graph))
    return np.clip(wrap_int32(value + out.zero_point), INT8_MIN, INT8_MAX).astype(np.int8)


def rsqrt_factor(op: Op, graph: Graph) -> tuple[int, int]:
    """Factor from the inverse root of an integer to the output's scale.

    Source: TensorFlow Lite Micro, SetRsqrtOutputMultiplier: in binary64, as its wheel computes.
    """
    given, out = quant_of(graph.tensors[op.inputs[0]]), quant_of(result(op, graph))
    root = sqrt(float(np.float32(given.scale)))
    return quantize_multiplier(1.0 / (root * float(np.float32(out.scale))))


def root_fits_32_bits(op: Op, graph: Graph) -> str | None:
    """The output scale times the root of the input scale must lie between 2^-20 and 2^11."""
    shift = rsqrt_factor(op, graph)[1]
    return None if -11 <= shift <= 20 else f"2^{-shift}"


def inverse_roots(op: Op, graph: Graph, values: Array) -> Array:
    """1 / sqrt(x) of positive values, the greatest value for zero, as in RsqrtEvalQuantized.

    ``values`` are less their zero point. TFLM stops below zero; it gives the greatest value, too.
    """
    out = result(op, graph)
    least, greatest = out.dtype.limits
    multiplier, shift = rsqrt_factor(op, graph)
    roots = np.array([_root(value) if value > 0 else 0 for value in values.tolist()], np.int64)
    scaled = multiply_by_quantized_multiplier(roots, multiplier, shift - _FRACTION_BITS)
    made = np.clip(wrap_int32(scaled + quant_of(out).zero_point), least, greatest)
    return np.where(values > 0, made, greatest).astype(out.dtype.numpy)


@lru_cache(maxsize=1 << 16)  # of int8 inputs there are 511, whatever their zero point
def _root(value: int) -> int:
    """1 / sqrt(value) with _FRACTION_BITS."""
    inverse, places = inverse_square_root(value)
    return int(multiply_by_quantized_multiplier(np.array(1), inverse, places + _FRACTION_BITS))


def rsqrt_table(op: Op, graph: Graph) -> Array:
    """The inverse roots of all int8 values."""
    zero_point = quant_of(graph.tensors[op.inputs[0]]).zero_point
    return inverse_roots(op, graph, input_values(INT8) - zero_point)


def _wide_rsqrt(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The inverse roots of int16 values, each computed once."""
    values, places = np.unique(np.asarray(inputs[0]), return_inverse=True)
    return (inverse_roots(op, graph, values)[places].reshape(result(op, graph).shape),)


def _lower_wide_rsqrt(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_rsqrt_s16``."""
    given, constants = input_argument(op, graph, 0)
    multiplier, shift = rsqrt_factor(op, graph)
    count = result(op, graph).elements
    requant = requant_struct(multiplier, shift - _FRACTION_BITS)
    call = KernelCall(
        "tml_rsqrt_s16",
        "kernels/rsqrt/s16.h",
        Struct("tml_rsqrt_params", (("count", count), ("requant", requant))),
        (given, Arg("output")),
        constants,
        overlaps=(Overlap(0, 0),) if given.kind == "input" else (),
        cost=Cost(_WIDE_INSTRUCTIONS * count + 10),
    )
    return of_elements(call, INT16.nbytes(1))


_REAL: dict[str, Callable[[Array], Array]] = {"RSQRT": lambda x: np.asarray(1 / np.sqrt(x))}


def _inverse_root(_: Op, x: Floats) -> Floats:
    with np.errstate(all="ignore"):
        return np.asarray(np.float32(1.0) / np.sqrt(x), np.float32)


_FLOAT_ABS = float_unary("abs", lambda op, x: np.abs(x), instructions=6)
_OTHERS: dict[str, tuple[Form, ...]] = {
    "ABS": (WIDE_FORMS["ABS"], _FLOAT_ABS),
    RSQRT: (
        Form(
            "s16",
            typed(input=INT16, output=INT16),
            _wide_rsqrt,
            _lower_wide_rsqrt,
            (zero_points_are_zero, root_fits_32_bits),
        ),
        float_unary("rsqrt", _inverse_root, instructions=60),
    ),
}
_WIDTHS = {"ABS": (8, 16), "RSQRT": (8,)}


def _spec(
    kind: str,
    title: str,
    table: Callable[[Op, Graph], Array],
    constraint: Constraint,
) -> OpSpec:
    def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
        assert inputs[0] is not None
        return (look_up(table(op, graph), inputs[0]),)

    def lower(op: Op, graph: Graph) -> KernelCall:
        return lookup_call(op, graph, table(op, graph), what=kind)

    return OpSpec(
        kind=kind,
        title=title,
        traits=(ByteMap(_REAL.get(kind)), Axes("each"), Scales("own", _WIDTHS[kind])),
        table=no_options("AbsOptions" if kind == "ABS" else ""),
        inputs=("input",),
        constraints=(operand_count(1, 1), have_one_scale),
        infer=same_shape,
        macs=no_macs,
        forms=(Form("s8", BYTE_MAP, reference, lower, (constraint,)), *_OTHERS[kind]),
    )


EXTENTS = {"tml_rsqrt_params": elementwise()}

HALVES = {"tml_rsqrt_params": cut_elements()}

OPS = (
    _spec("ABS", "absolute value", abs_table, relu_fits_32_bits),
    _spec(RSQRT, "1 / sqrt(x)", rsqrt_table, root_fits_32_bits),
)
