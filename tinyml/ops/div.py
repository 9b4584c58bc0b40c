"""DIV: the quotient of two int8 operands, element by element, with broadcasting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT8
from tinyml.ir.fixedmath import one_over_one_plus_x
from tinyml.ir.fixedpoint import (
    quantize_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
    wrap_int32,
)
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import KernelCall, Value
from tinyml.ops.common import (
    activation_is_a_range,
    activation_range,
    clamp_struct,
    operand_count,
    quant_of,
    requant_struct,
    result,
)
from tinyml.ops.elementwise import BinaryAttrs, has_few_dimensions, infer
from tinyml.ops.extents import broadcast
from tinyml.ops.float_elementwise import float_binary, has_float_bounds
from tinyml.ops.forms import Form, typed
from tinyml.ops.halves import cut_broadcast
from tinyml.ops.operands import have_one_scale, no_macs
from tinyml.ops.pairs import PairKernel, pair_call
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import ACTIVATION, Field, Table
from tinyml.ops.traits import Arithmetic, Axes, ClampsOutput

DIV = "DIV"  # its key, for those who build one

_INSTRUCTIONS = 75  # per element, counted on Armv7-M
_LARGEST_SHIFT = 23  # leading sign bits of the greatest dividend, 255


def factor(op: Op, graph: Graph) -> tuple[int, int]:
    """Factor of the quotient; in binary32 but for its last step, as in TFLM.

    Source: TensorFlow Lite Micro, CalculateOpDataDiv (micro/kernels/div.cc).
    """
    tensors = (*(graph.tensors[i] for i in op.inputs), result(op, graph))
    a, b, out = (np.float32(quant_of(tensor).scale) for tensor in tensors)
    return quantize_multiplier(float(a / (b * out)))


def _divisor_bits(op: Op, graph: Graph) -> int:
    """Bits above 1 that the greatest divisor has."""
    divisor = graph.tensors[op.inputs[1]]
    held = np.array(INT8.limits) if divisor.data is None else divisor.data.astype(np.int64)
    return max(1, int(abs(held - quant_of(divisor).zero_point).max())).bit_length() - 1


def shifts_are_defined(op: Op, graph: Graph) -> str | None:
    """The scale of the quotient must be some steps of the output's, as TFLM's shifts end at 31."""
    try:
        shift = factor(op, graph)[1]
    except ModelError as error:
        return error.message
    least = _divisor_bits(op, graph)
    return None if least <= shift <= _LARGEST_SHIFT else f"2^{shift}, not 2^{least} to 2^23"


def _centred(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> list[NDArray[np.int64]]:
    pairs = zip(op.inputs, inputs, strict=True)
    return [
        value.astype(np.int64) - quant_of(graph.tensors[i]).zero_point
        for i, value in pairs
        if value is not None
    ]


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The dividend times the reciprocal of the divisor; one of 0, which TFLM forbids, counts as 1.

    Source: TensorFlow Lite, DivElementwise (reference/div.h), GetReciprocal (internal/common.h).
    """
    dividend, divisor = np.broadcast_arrays(*_centred(op, graph, inputs))
    dividend = np.where(divisor < 0, -dividend, dividend)
    divisor = np.maximum(np.abs(divisor), 1)
    bits = np.floor(np.log2(divisor)).astype(np.int64)
    inverse = one_over_one_plus_x((divisor << (31 - bits)) - (1 << 31))
    headroom = 31 - _bit_length(np.where(dividend < 0, ~dividend, dividend))
    quotient = saturating_rounding_doubling_high_mul(wrap_int32(dividend << headroom), inverse)
    multiplier, shift = factor(op, graph)
    scaled = saturating_rounding_doubling_high_mul(quotient, multiplier)
    out = quant_of(result(op, graph))
    made = rounding_divide_by_pot(scaled, bits + headroom - shift) + out.zero_point
    return (np.clip(made, *activation_range(op.attrs.activation, out)).astype(np.int8),)


def _bit_length(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bits of small numbers that are not negative."""
    return np.floor(np.log2(np.maximum(values, 0.5))).astype(np.int64) + 1


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_div_s8``."""
    out = quant_of(result(op, graph))
    fields: tuple[tuple[str, Value], ...] = (
        ("input1_offset", -quant_of(graph.tensors[op.inputs[0]]).zero_point),
        ("input2_offset", -quant_of(graph.tensors[op.inputs[1]]).zero_point),
        ("output_requant", requant_struct(*factor(op, graph))),
        ("output_offset", out.zero_point),
        ("clamp", clamp_struct(activation_range(op.attrs.activation, out))),
    )
    return pair_call(op, graph, PairKernel("div", "div", "s8", _INSTRUCTIONS), fields)


EXTENTS = {"tml_div_params": broadcast}

HALVES = {"tml_div_params": cut_broadcast}

OPS = (
    OpSpec(
        kind=DIV,
        title="quotient of two tensors, with broadcasting",
        traits=(Arithmetic("/", np.divide), ClampsOutput(), Axes("broadcast")),
        table=Table(
            "DivOptions",
            BinaryAttrs,
            (Field("activation", "FusedActivationFunction", ACTIVATION),),
        ),
        inputs=("left", "right"),
        constraints=(operand_count(2, 2), have_one_scale, has_few_dimensions),
        infer=infer,
        macs=no_macs,
        forms=(
            Form(
                "s8",
                typed(left=INT8, right=INT8, output=INT8),
                reference,
                lower,
                (activation_is_a_range, shifts_are_defined),
            ),
            float_binary("div", np.divide, constraints=(has_float_bounds,)),
        ),
    ),
)
