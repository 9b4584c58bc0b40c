"""ADD, SUB, MUL: two operands combined element by element, with broadcasting.

An operand's dimension of size 1 is read again for every index of the output's. Neighbouring
dimensions that both operands step through alike are merged before a kernel sees them, so that the
usual cases (equal shapes, a scalar, one value per channel) become one or two loops.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT8, INT16, DType
from tinyml.ir.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, Value, of_elements
from tinyml.ops.common import (
    activation_is_a_range,
    activation_range,
    clamp_struct,
    operand_count,
    quant_of,
    requant_struct,
    rescale_clamp,
    result,
    zero_points_are_zero,
)
from tinyml.ops.extents import broadcast
from tinyml.ops.float_elementwise import float_binary, has_float_bounds
from tinyml.ops.forms import Constraint, Form, typed
from tinyml.ops.halves import cut_broadcast
from tinyml.ops.loops import MAX_RANK, broadcast_loops
from tinyml.ops.operands import have_one_scale, input_argument, no_macs
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import ACTIVATION, Field, Table
from tinyml.ops.traits import Arithmetic, Axes, ClampsOutput, Rows, Scales, Unsigned, WholeNumbers
from tinyml.ops.whole_elementwise import (
    has_no_activation,
    has_whole_bounds,
    stand_for_themselves,
    whole_binary,
)

ADD, SUB, MUL = "ADD", "SUB", "MUL"  # keys, for those who build such ops

HEADROOM = {INT8: 20, INT16: 15}  # bits that ADD and SUB shift an operand left before scaling it
# A product of two offset int8 values takes 17 bits with its sign, one of int16 values 31, but for
# the lowest times the lowest.
MAX_PRODUCT_SHIFT = {INT8: 15, INT16: 1}

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

    Operands are scaled to 2^19 / max(scales) units, those of int16 to 2^14. Source: TensorFlow Lite
    Micro, CalculateOpDataAdd (micro/kernels/add_common.cc) and, since 13 October 2026,
    CalculateOpDataSub; before, SUB divided in binary32, which differs in a few elements of ten
    thousand.
    """
    a, b, out = (float(scale) for scale in _scales(op, graph))
    twice = 2.0 * max(a, b)
    return (
        quantize_multiplier(a / twice),
        quantize_multiplier(b / twice),
        quantize_multiplier(twice / ((1 << HEADROOM[result(op, graph).dtype]) * out)),
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
    """The output scale must be above 2^-19 of the larger input scale, 2^-14 of int16 values."""
    factors = sum_factors(op, graph)
    if factors[2][1] <= 0:
        return None
    return "scales " + ", ".join(f"{scale:g}" for scale in _scales(op, graph))


def product_fits_32_bits(op: Op, graph: Graph) -> str | None:
    """The output scale must be above 2^-15 of the product of the input scales, of int16 2^-1."""
    if mul_factor(op, graph)[1] <= MAX_PRODUCT_SHIFT[result(op, graph).dtype]:
        return None
    return "scales " + ", ".join(f"{scale:g}" for scale in _scales(op, graph))


def _centred(tensor: Tensor, values: Array | None) -> NDArray[np.int64]:
    assert values is not None
    return values.astype(np.int64) - quant_of(tensor).zero_point


def sum_reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Both operands scaled to a common unit, added or subtracted, scaled to the output."""
    factors, made = sum_factors(op, graph), result(op, graph)
    a, b = (
        multiply_by_quantized_multiplier(
            _centred(graph.tensors[i], values) << HEADROOM[made.dtype], multiplier, shift
        )
        for i, values, (multiplier, shift) in zip(op.inputs, inputs, factors[:2], strict=True)
    )
    return (_made(op, graph, a + b if op.kind == "ADD" else a - b, factors[2]),)


def mul_reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The product of both operands, scaled to the output."""
    a, b = (_centred(graph.tensors[i], values) for i, values in zip(op.inputs, inputs, strict=True))
    return (_made(op, graph, a * b, mul_factor(op, graph)),)


def _made(op: Op, graph: Graph, values: NDArray[np.int64], factor: Factor) -> Array:
    out = result(op, graph)
    quant, bounds = quant_of(out), _bounds(op, out)
    return rescale_clamp(values, *factor, quant.zero_point, bounds, out.dtype)


def _bounds(op: Op, out: Tensor) -> tuple[int, int]:
    return activation_range(op.attrs.activation, quant_of(out), out.dtype)


def lower_sum(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_add_s8`` or ``tml_sub_s8``, or of those for int16 values."""
    first, second, out = sum_factors(op, graph)
    fields = (
        ("input1_requant", _operand_requant(*first)),
        ("input2_requant", _operand_requant(*second)),
        ("output_requant", requant_struct(*out)),
    )
    return _lower(op, graph, "add", fields)


def _operand_requant(multiplier: int, shift: int) -> Struct:
    """Shift 0 stands for exactly one half in the kernel; what underflowed must not look like it."""
    return requant_struct(multiplier, shift if multiplier else -1)


def lower_mul(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_mul_s8`` or ``tml_mul_s16``."""
    fields = (("output_requant", requant_struct(*mul_factor(op, graph))),)
    return _lower(op, graph, "mul", fields)


_INSTRUCTIONS = {"ADD": 29, "SUB": 32, "MUL": 24}  # per element, counted on Armv7-M


def _lower(
    op: Op, graph: Graph, folder: str, factors: tuple[tuple[str, Struct], ...]
) -> KernelCall:
    out = result(op, graph)
    form = _FORMS[out.dtype]
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
        ("clamp", clamp_struct(_bounds(op, out))),
    )
    rows = math.prod(loops.counts[:-1])
    call = KernelCall(
        function=f"tml_{op.kind.lower()}_{form}",
        header=f"kernels/{folder}/{form}.h",
        params=Struct(f"tml_{folder}_params", fields),
        arguments=(*arguments, Arg("output")),
        constants=tuple(item for group in constants for item in group),
        overlaps=tuple(
            Overlap(i, 0)
            for i, tensor in enumerate(operands)
            if not tensor.is_constant and tensor.elements == out.elements
        ),
        cost=Cost(_INSTRUCTIONS[op.kind] * out.elements + 12 * rows + 30),
    )
    return of_elements(call, out.dtype.nbytes(1))


_ARITHMETIC = {
    ADD: Arithmetic("+", np.add),
    SUB: Arithmetic("-", np.subtract),
    MUL: Arithmetic("*", np.multiply),
}


_FORMS = {INT8: "s8", INT16: "s16"}
_ByType: TypeAlias = "dict[DType, tuple[Constraint, ...]]"
_SUM: _ByType = {INT8: (sum_is_scaled_down,), INT16: (sum_is_scaled_down,)}
_PRODUCT: _ByType = {
    INT8: (product_fits_32_bits,),
    INT16: (zero_points_are_zero, product_fits_32_bits),
}
_SCALES = {ADD: _SUM, MUL: _PRODUCT, SUB: _SUM}
_OF_WHOLE_NUMBERS = {
    ADD: (stand_for_themselves, has_no_activation),
    SUB: (stand_for_themselves, has_whole_bounds),
    MUL: (has_whole_bounds,),
}


def _spec(kind: str, title: str, compute: Callable[..., Any], lower: Callable[..., Any]) -> OpSpec:
    return OpSpec(
        kind=kind,
        title=f"{title} of two tensors, with broadcasting",
        traits=(
            _ARITHMETIC[kind],
            Rows(),
            Unsigned(),
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
            *(
                Form(
                    name,
                    typed(left=dtype, right=dtype, output=dtype),
                    compute,
                    lower,
                    constraints=(activation_is_a_range, *_SCALES[kind][dtype]),
                )
                for dtype, name in _FORMS.items()
            ),
            whole_binary(kind.lower(), _ARITHMETIC[kind].compute, _OF_WHOLE_NUMBERS[kind]),
            float_binary(kind.lower(), _ARITHMETIC[kind].compute, constraints=(has_float_bounds,)),
        ),
    )


EXTENTS = {"tml_add_params": broadcast, "tml_mul_params": broadcast}

HALVES = {"tml_add_params": cut_broadcast, "tml_mul_params": cut_broadcast}

OPS = (
    _spec(ADD, "sum", sum_reference, lower_sum),
    _spec(SUB, "difference", sum_reference, lower_sum),
    _spec(MUL, "product", mul_reference, lower_mul),
)
