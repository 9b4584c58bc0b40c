"""ADD, SUB, MUL: two int8 operands combined element by element, with broadcasting.

An operand's dimension of size 1 is read again for every index of the output's. Neighbouring
dimensions that both operands step through alike are merged before a kernel sees them, so that the
usual cases (equal shapes, a scalar, one value per channel) become one or two loops.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT8
from tinyml.ir.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, Value
from tinyml.ops.common import (
    activation_is_a_range,
    activation_range,
    clamp_struct,
    operand_count,
    quant_of,
    requant_struct,
    rescale_clamp,
    result,
)
from tinyml.ops.extents import broadcast
from tinyml.ops.float_elementwise import float_binary, has_float_bounds
from tinyml.ops.forms import Form, typed
from tinyml.ops.loops import MAX_RANK, broadcast_loops
from tinyml.ops.operands import have_one_scale, input_argument, no_macs
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import ACTIVATION, Field, Table
from tinyml.ops.traits import Arithmetic, Axes, ClampsOutput, Rows, Scales, WholeNumbers

ADD, SUB, MUL = "ADD", "SUB", "MUL"  # keys, for those who build such ops

LEFT_SHIFT = 20  # headroom that ADD and SUB give an operand before scaling it
MAX_PRODUCT_SHIFT = 15  # a product of two offset int8 values takes 17 bits with its sign

Factor = tuple[int, int]  # multiplier, shift


@dataclass(frozen=True, slots=True)
class BinaryAttrs:
    """Options of ADD, SUB and MUL."""

    activation: str = "NONE"


_FUSED = Field("activation", "FusedActivationFunction", ACTIVATION)


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The broadcast of both shapes.

    Raises ModelError when they cannot be broadcast.
    """
    a, b = (graph.tensors[i].shape for i in op.inputs)
    try:
        return (np.broadcast_shapes(a, b),)
    except ValueError as error:
        raise ModelError(f"shapes {list(a)} and {list(b)} cannot be combined") from error


def has_few_dimensions(op: Op, graph: Graph) -> str | None:
    """Shapes must broadcast, in at most four steps of which each is along neighbouring axes."""
    try:
        infer(op, graph)
    except ModelError as error:
        return error.message
    a, b = (graph.tensors[i].shape for i in op.inputs)
    steps = len(broadcast_loops(a, b).counts)
    return None if steps <= MAX_RANK else f"{list(a)} and {list(b)} take {steps} steps"


def sum_factors(op: Op, graph: Graph) -> tuple[Factor, Factor, Factor]:
    """Factors of both operands and of their sum, from the scales in binary64.

    Operands are scaled to 2^19 / max(scales) units. Source: TensorFlow Lite Micro,
    CalculateOpDataAdd (micro/kernels/add_common.cc) and, since 13 October 2026, CalculateOpDataSub;
    before, SUB divided in binary32, which differs in a few elements of ten thousand.
    """
    a, b, out = (float(scale) for scale in _scales(op, graph))
    twice = 2.0 * max(a, b)
    return (
        quantize_multiplier(a / twice),
        quantize_multiplier(b / twice),
        quantize_multiplier(twice / ((1 << LEFT_SHIFT) * out)),
    )


def mul_factor(op: Op, graph: Graph) -> Factor:
    """Factor of the product. Source: TensorFlow Lite Micro, CalculateOpDataMul (mul_common.cc)."""
    a, b, out = (float(scale) for scale in _scales(op, graph))
    return quantize_multiplier(a * b / out)


def _scales(op: Op, graph: Graph) -> tuple[np.float32, np.float32, np.float32]:
    a, b = (graph.tensors[i] for i in op.inputs)
    first, second, out = (
        np.float32(quant_of(tensor).scale) for tensor in (a, b, result(op, graph))
    )
    return first, second, out


def sum_is_scaled_down(op: Op, graph: Graph) -> str | None:
    """The output scale must be above 2^-19 of the larger input scale."""
    factors = sum_factors(op, graph)
    if factors[2][1] <= 0:
        return None
    return "scales " + ", ".join(f"{scale:g}" for scale in _scales(op, graph))


def product_fits_32_bits(op: Op, graph: Graph) -> str | None:
    """The output scale must be above 2^-15 of the product of the input scales."""
    if mul_factor(op, graph)[1] <= MAX_PRODUCT_SHIFT:
        return None
    return "scales " + ", ".join(f"{scale:g}" for scale in _scales(op, graph))


def _centred(tensor: Tensor, values: Array | None) -> NDArray[np.int64]:
    assert values is not None
    return values.astype(np.int64) - quant_of(tensor).zero_point


def sum_reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Both operands scaled to a common unit, added or subtracted, scaled to the output."""
    factors = sum_factors(op, graph)
    a, b = (
        multiply_by_quantized_multiplier(
            _centred(graph.tensors[i], values) << LEFT_SHIFT, multiplier, shift
        )
        for i, values, (multiplier, shift) in zip(op.inputs, inputs, factors[:2], strict=True)
    )
    out = quant_of(result(op, graph))
    bounds = activation_range(op.attrs.activation, out)
    total = a + b if op.kind == "ADD" else a - b
    return (rescale_clamp(total, *factors[2], out.zero_point, bounds),)


def mul_reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The product of both operands, scaled to the output."""
    a, b = (_centred(graph.tensors[i], values) for i, values in zip(op.inputs, inputs, strict=True))
    out = quant_of(result(op, graph))
    bounds = activation_range(op.attrs.activation, out)
    return (rescale_clamp(a * b, *mul_factor(op, graph), out.zero_point, bounds),)


def lower_sum(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_add_s8`` or ``tml_sub_s8``."""
    name = op.kind.lower()
    first, second, out = sum_factors(op, graph)
    fields = (
        ("input1_requant", _operand_requant(*first)),
        ("input2_requant", _operand_requant(*second)),
        ("output_requant", requant_struct(*out)),
    )
    return _lower(op, graph, f"tml_{name}_s8", "kernels/add/s8.h", "tml_add_params", fields)


def _operand_requant(multiplier: int, shift: int) -> Struct:
    """Shift 0 stands for exactly one half in the kernel; what underflowed must not look like it."""
    return requant_struct(multiplier, shift if multiplier else -1)


def lower_mul(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_mul_s8``."""
    fields = (("output_requant", requant_struct(*mul_factor(op, graph))),)
    return _lower(op, graph, "tml_mul_s8", "kernels/mul/s8.h", "tml_mul_params", fields)


_INSTRUCTIONS = {"ADD": 29, "SUB": 32, "MUL": 24}  # per element, counted on Armv7-M


# Six parameters: an op, and the four things that its kernels differ in.
def _lower(
    op: Op,
    graph: Graph,
    function: str,
    header: str,
    params: str,
    factors: tuple[tuple[str, Struct], ...],
) -> KernelCall:
    out = result(op, graph)
    operands = [graph.tensors[i] for i in op.inputs]
    loops = broadcast_loops(operands[0].shape, operands[1].shape)
    offsets = [-quant_of(tensor).zero_point for tensor in operands]
    arguments, constants = zip(*(input_argument(op, graph, i) for i in range(2)), strict=True)
    fields: tuple[tuple[str, Value], ...] = (
        ("count", loops.counts),
        ("step1", loops.steps[0]),
        ("step2", loops.steps[1]),
        ("input1_offset", offsets[0]),
        ("input2_offset", offsets[1]),
        *factors,
        ("output_offset", quant_of(out).zero_point),
        ("clamp", clamp_struct(activation_range(op.attrs.activation, quant_of(out)))),
    )
    rows = math.prod(loops.counts[:-1])
    return KernelCall(
        function=function,
        header=header,
        params=Struct(params, fields),
        arguments=(*arguments, Arg("output")),
        constants=tuple(item for group in constants for item in group),
        overlaps=tuple(
            Overlap(i, 0)
            for i, tensor in enumerate(operands)
            if not tensor.is_constant and tensor.elements == out.elements
        ),
        cost=Cost(_INSTRUCTIONS[op.kind] * out.elements + 12 * rows + 30),
    )


_ARITHMETIC = {
    ADD: Arithmetic("+", np.add),
    SUB: Arithmetic("-", np.subtract),
    MUL: Arithmetic("*", np.multiply),
}


def _spec(kind: str, title: str, compute: Callable[..., Any], lower: Callable[..., Any]) -> OpSpec:
    scales = product_fits_32_bits if kind == "MUL" else sum_is_scaled_down
    return OpSpec(
        kind=kind,
        title=f"{title} of two tensors, with broadcasting",
        traits=(
            _ARITHMETIC[kind],
            Rows(),
            ClampsOutput(),
            Axes("broadcast"),
            Scales("own", (8, 16)),
            WholeNumbers(),
        ),
        table=Table(f"{kind.capitalize()}Options", BinaryAttrs, (_FUSED,)),
        inputs=("left", "right"),
        constraints=(operand_count(2, 2), have_one_scale, has_few_dimensions),
        infer=infer,
        macs=no_macs,
        forms=(
            Form(
                "s8",
                typed(left=INT8, right=INT8, output=INT8),
                compute,
                lower,
                constraints=(activation_is_a_range, scales),
            ),
            float_binary(kind.lower(), _ARITHMETIC[kind].compute, constraints=(has_float_bounds,)),
        ),
    )


EXTENTS = {"tml_add_params": broadcast, "tml_mul_params": broadcast}

OPS = (
    _spec(ADD, "sum", sum_reference, lower_sum),
    _spec(SUB, "difference", sum_reference, lower_sum),
    _spec(MUL, "product", mul_reference, lower_mul),
)
