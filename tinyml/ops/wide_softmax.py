"""SOFTMAX of int16 values: exponential and reciprocal are interpolated in tables.

The tables are the same for all layers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.dtype import INT16
from tinyml.ir.fixedpoint import IntArray, multiply_by_quantized_multiplier, quantize_multiplier
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Overlap, Struct, of_elements
from tinyml.ops.common import (
    operand,
    quant_of,
    requant_struct,
    result,
    zero_points_are_zero,
)
from tinyml.ops.extents import rows
from tinyml.ops.forms import Constraint, Form, typed
from tinyml.ops.halves import cut_rows
from tinyml.ops.operands import input_argument

STEPS = 512  # of a table, which has one entry more
MAX_DEPTH = (1 << 16) - 1  # powers of at most 2^15 that a sum of 32 bits can hold
_MAX_SHIFT = 14  # to the left, of a difference of two int16 values
_REACH = 10.0 / 65535.0  # units of the argument of exp
_F32 = np.float32


def output_is_near(scale: float) -> Constraint:
    """A constraint: the output's scale is one, as near as TFLM asks."""

    def has_fixed_scale(op: Op, graph: Graph) -> str | None:
        found = quant_of(result(op, graph)).scale
        return None if abs(_F32(found) - _F32(scale)) <= 0.001 * scale else f"{found:g}"

    has_fixed_scale.__doc__ = f"The output must have a scale of 1/{round(1 / scale)}."
    return has_fixed_scale


def factor(op: Op, graph: Graph) -> tuple[int, int]:
    """From differences of inputs to units of 10 / 65535.

    Source: TensorFlow Lite Micro, CalculateSoftmaxParams (softmax_common.cc).
    """
    scale = float(_F32(quant_of(graph.tensors[op.inputs[0]]).scale))
    return quantize_multiplier(scale * float(_F32(op.attrs.beta)) / _REACH)


def factor_fits_32_bits(op: Op, graph: Graph) -> str | None:
    """Input scale times beta must be positive and below 2.5."""
    if not (math.isfinite(op.attrs.beta) and op.attrs.beta >= 0):
        return f"beta {op.attrs.beta:g}"
    multiplier, shift = factor(op, graph)
    return None if shift <= _MAX_SHIFT else f"{multiplier * 2.0 ** (shift - 31) * _REACH:g}"


def sums_fit(op: Op, graph: Graph) -> str | None:
    """The last dimension must have at most 65535 elements."""
    given = operand(op, graph, 0)
    if given is None or (given.shape and given.shape[-1] <= MAX_DEPTH):
        return None
    return f"shape {list(given.shape)}"


def table_of(
    function: Callable[[NDArray[np.float32]], NDArray[np.float32]], zero_point: int, reach: float
) -> IntArray:
    """A function of the int16 values as a table, in float32 arithmetic.

    Entries are moved by half of what interpolating is wrong by in the middle of a step.
    Source: TensorFlow Lite, LUTPopulateInt16 (kernels/internal/common.h).
    """
    scale, unit = _F32(reach) / _F32(65535), _F32(2.0) / _F32(65535)
    least, most = scale * _F32(-32768 - zero_point), scale * _F32(32767 - zero_point)
    step = (most - least) / _F32(STEPS)
    inverse = _F32(65536) / (unit * _F32(32767) - unit * _F32(-32768))
    at = np.arange(STEPS + 1, dtype=np.float32)
    start = least + at * step
    value = function(start) * inverse
    middle = _rounded(function(start[:-1] + step / _F32(2)) * inverse)
    between = _rounded((value[1:] + _rounded(value[:-1])) / _F32(2))
    moved = _rounded(value[:-1]) - _rounded((between - middle) / _F32(2))
    last = _rounded(function(np.array([most])) * inverse)
    return np.clip(np.append(moved, last), -32768, 32767).astype(np.int64)


def _rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.copysign(np.floor(np.abs(values) + _F32(0.5)), values).astype(np.float32)


def _exp(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.exp(x.astype(np.float64)).astype(np.float32)


def exp_table() -> IntArray:
    """exp from -10 to 0 in units of 2^-15."""
    return table_of(_exp, 32767, 10.0)


def reciprocal_table() -> IntArray:
    """1 / (1 + x) from 0 to 1 in units of 2^-15."""
    return table_of(lambda x: _F32(1) / (_F32(1) + x), -32768, 1.0)


def looked_up(table: IntArray, values: IntArray) -> IntArray:
    """The table at values of 16 bits. Source: TensorFlow Lite, LUTLookup."""
    index, rest = 256 + (values >> 7), values & 127
    found: IntArray = table[index] + (((table[index + 1] - table[index]) * rest + 64) >> 7)
    return found


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Powers over their sum. Source: TensorFlow Lite, reference_ops::SoftmaxInt16."""
    values = inputs[0]
    assert values is not None
    lines = values.astype(np.int64).reshape(-1, values.shape[-1])
    below = multiply_by_quantized_multiplier(
        lines - lines.max(axis=1, keepdims=True), *factor(op, graph)
    )
    powers = looked_up(exp_table(), np.clip(below + 32767, -32768, 32767))
    sums = powers.sum(axis=1, keepdims=True)
    left = 30 - np.floor(np.log2(sums)).astype(np.int64)
    unit = ((sums << left) + (1 << 13)) >> 14
    scale = looked_up(reciprocal_table(), np.clip(unit - (3 << 15), -32768, 32767))
    right = 30 - left
    made = (powers * scale + (np.int64(1) << (right - 1))) >> right
    return (np.clip(made, 0, 32767).astype(np.int16).reshape(values.shape),)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_softmax_s16``."""
    shape = graph.tensors[op.inputs[0]].shape
    lines, depth = math.prod(shape[:-1]), shape[-1]
    given, constants = input_argument(op, graph, 0)
    tables = (
        Constant("exp", exp_table().astype(np.int16), "exp from -10 to 0, in 2^-15"),
        Constant("reciprocal", reciprocal_table().astype(np.int16), "1 / (1 + x) for x below 1"),
    )
    fields = (("rows", lines), ("depth", depth), ("requant", requant_struct(*factor(op, graph))))
    call = KernelCall(
        function="tml_softmax_s16",
        header="kernels/softmax/s16.h",
        params=Struct("tml_softmax_s16_params", fields),
        arguments=(given, *(Arg("constant", constant=t.name) for t in tables), Arg("output")),
        constants=(*constants, *tables),
        overlaps=(Overlap(0, 0),) if given.kind == "input" else (),
        cost=Cost(lines * (45 * depth + 60)),
    )
    return of_elements(call, INT16.nbytes(1))


EXTENTS = {"tml_softmax_s16_params": rows("rows", "depth", "depth")}

HALVES = {"tml_softmax_s16_params": cut_rows("rows", "depth", "depth")}

WIDE_SOFTMAX = Form(
    "s16",
    typed(input=INT16, output=INT16),
    reference,
    lower,
    (zero_points_are_zero, output_is_near(2.0**-15), factor_fits_32_bits, sums_fit),
)
