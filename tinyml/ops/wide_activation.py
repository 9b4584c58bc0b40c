"""ABS, RELU, RELU6, LOGISTIC and TANH of int16 values, by kernels; int8 values have tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from tinyml.ir.dtype import INT16
from tinyml.ir.fixedpoint import IntArray
from tinyml.ir.gates import logistic_of, sigmoid_table, tanh_of
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Overlap, Struct, Value, of_elements
from tinyml.ops.common import (
    activation_range,
    clamp_struct,
    operand,
    quant_of,
    requant_struct,
    result,
    zero_points_are_zero,
)
from tinyml.ops.extents import elementwise
from tinyml.ops.forms import Constraint, Form, as_constraint, typed
from tinyml.ops.halves import cut_elements
from tinyml.ops.operands import input_argument
from tinyml.ops.quantize import rescale, rescale_factor

_TYPES = typed(input=INT16, output=INT16)
_MAX_SHIFT = 14  # to the left, of a value that is to stay below 2^31
_ONE = 4096.0  # units of the argument of LOGISTIC and TANH, of which the table takes three
_MOST = 32767  # of its multiplier
_MOST_BITS = 31  # that it is shifted to the right


def _relu(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """max(x, 0), rescaled. Source: TensorFlow Lite Micro, ReluQuantized."""
    assert inputs[0] is not None
    made = rescale(op, graph, inputs[0].astype(np.int64))
    return (np.clip(made, *_positive(op, graph)).astype(np.int16),)


def _positive(op: Op, graph: Graph) -> tuple[int, int]:
    return activation_range("RELU", quant_of(result(op, graph)), INT16)


def _lower_relu(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_relu_s16``."""
    fields = (
        ("input_offset", -quant_of(graph.tensors[op.inputs[0]]).zero_point),
        ("requant", requant_struct(*rescale_factor(op, graph))),
        ("output_offset", quant_of(result(op, graph)).zero_point),
        ("clamp", clamp_struct(_positive(op, graph))),
    )
    return _call(op, graph, "kernels/relu/s16.h", ("tml_relu_params", fields), 18)


def _abs(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """|x|, rescaled. Source: TensorFlow Lite Micro, AbsEvalQuantized (elementwise.cc)."""
    assert inputs[0] is not None
    zero_point = quant_of(graph.tensors[op.inputs[0]]).zero_point
    return (rescale(op, graph, abs(inputs[0].astype(np.int64) - zero_point) + zero_point),)


def _lower_abs(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_abs_s16``."""
    fields = (
        ("input_offset", -quant_of(graph.tensors[op.inputs[0]]).zero_point),
        ("requant", requant_struct(*rescale_factor(op, graph))),
        ("output_offset", quant_of(result(op, graph)).zero_point),
    )
    return _call(op, graph, "kernels/abs/s16.h", ("tml_abs_params", fields), 17)


def scale_fits_32_bits(op: Op, graph: Graph) -> str | None:
    """The output scale must be above 2^-14 of the input scale."""
    shift = rescale_factor(op, graph)[1]
    return None if shift <= _MAX_SHIFT else f"2^{-shift}"


def _six(op: Op, graph: Graph) -> tuple[int, int]:
    """What stands for 0 and 6 among the input's values."""
    return activation_range("RELU6", quant_of(graph.tensors[op.inputs[0]]), INT16)


def _relu6(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """min(max(x, 0), 6); TFLM does not rescale here (Relu6Quantized)."""
    assert inputs[0] is not None
    low, high = _six(op, graph)
    return (np.minimum(np.maximum(inputs[0], low), high).astype(np.int16),)


def _lower_relu6(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_relu6_s16``."""
    fields = (("clamp", clamp_struct(_six(op, graph))),)
    return _call(op, graph, "kernels/relu/s16.h", ("tml_relu6_params", fields), 7)


@as_constraint
def six_is_in_range(op: Op, graph: Graph) -> None:
    """The scale must not be so small that 6 overflows."""
    _six(op, graph)


def argument_factor(op: Op, graph: Graph) -> tuple[int, int]:
    """What an input is multiplied with, and the shift to the right after that.

    An input scale near a power of two that needs no rounding is taken for it: 2^-12, and for TANH
    2^-11 too. Source: TensorFlow Lite Micro, CalculateArithmeticOpData (logistic_common.cc and
    tanh.cc).
    """
    scale = float(np.float32(quant_of(graph.tensors[op.inputs[0]]).scale))
    power, is_near = _log2(scale)
    left = power + 12
    if is_near and left in ((0,) if op.kind == "LOGISTIC" else (0, 1)):
        return 3 << left, 0
    multiplier, right = scale * _ONE * 3.0, 0
    while multiplier <= _MOST / 2.0 and right < _MOST_BITS:
        multiplier, right = multiplier * 2.0, right + 1
    return int(multiplier), right


def _log2(scale: float) -> tuple[int, bool]:
    """The power of two nearest to a scale, and whether it is near."""
    value = np.log(np.float32(scale)) * (np.float32(1.0) / np.log(np.float32(2.0)))
    rounded = math.copysign(math.floor(abs(float(value)) + 0.5), float(value))
    is_near = abs(np.float32(value) - np.float32(rounded)) < np.float32(1e-3)
    return int(rounded), bool(is_near)


def argument_fits(op: Op, graph: Graph) -> str | None:
    """The input scale must be below 8/3."""
    given = operand(op, graph, 0)
    if given is None or argument_factor(op, graph)[0] <= _MOST:
        return None
    return f"{quant_of(given).scale:g}"


def output_has_15_fraction_bits(op: Op, graph: Graph) -> str | None:
    """The output must have a scale of 2^-15, as near as TFLM asks."""
    scale = quant_of(result(op, graph)).scale
    return None if _log2(scale) == (-15, True) else f"{scale:g}"


_FUNCTIONS: dict[str, Callable[[IntArray], IntArray]] = {"LOGISTIC": logistic_of, "TANH": tanh_of}


def _sigmoidal(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The function, interpolated in the table of sigmoid."""
    assert inputs[0] is not None
    multiplier, right = argument_factor(op, graph)
    argument = (inputs[0].astype(np.int64) * multiplier + ((1 << right) >> 1)) >> right
    return (_FUNCTIONS[op.kind](argument).astype(np.int16),)


def _lower_sigmoidal(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_logistic_s16`` or ``tml_tanh_s16``."""
    multiplier, right = argument_factor(op, graph)
    table = Constant("table", sigmoid_table().astype(np.int16), "2^16 * sigmoid(i / 24) - 2^15")
    fields = (("multiplier", multiplier), ("right", right))
    return _call(op, graph, "kernels/logistic/s16.h", ("tml_logistic_params", fields), 24, (table,))


# Six parameters: an op, and the four things that its kernels differ in.
def _call(
    op: Op,
    graph: Graph,
    header: str,
    params: tuple[str, tuple[tuple[str, Value], ...]],
    instructions: int,
    tables: tuple[Constant, ...] = (),
) -> KernelCall:
    out = result(op, graph)
    given, constants = input_argument(op, graph, 0)
    name, fields = params
    call = KernelCall(
        function=f"tml_{op.kind.lower()}_s16",
        header=header,
        params=Struct(name, (("count", out.elements), *fields)),
        arguments=(
            given,
            *(Arg("constant", constant=table.name) for table in tables),
            Arg("output"),
        ),
        constants=(*constants, *tables),
        overlaps=(Overlap(0, 0),) if given.kind == "input" else (),
        cost=Cost(instructions * out.elements + 10),
    )
    return of_elements(call, INT16.nbytes(1))


def _form(
    reference: Callable[..., tuple[Array, ...]],
    lower: Callable[..., KernelCall],
    *constraints: Constraint,
) -> Form:
    return Form("s16", _TYPES, reference, lower, constraints)


EXTENTS = {
    "tml_abs_params": elementwise(),
    "tml_logistic_params": elementwise(),
    "tml_relu6_params": elementwise(),
    "tml_relu_params": elementwise(),
}

HALVES = dict.fromkeys(EXTENTS, cut_elements())

_SIGMOIDAL = _form(
    _sigmoidal,
    _lower_sigmoidal,
    zero_points_are_zero,
    argument_fits,
    output_has_15_fraction_bits,
)
WIDE_FORMS = {
    "ABS": _form(_abs, _lower_abs, zero_points_are_zero, scale_fits_32_bits),
    "LOGISTIC": _SIGMOIDAL,
    "RELU": _form(_relu, _lower_relu, zero_points_are_zero, scale_fits_32_bits),
    "RELU6": _form(_relu6, _lower_relu6, six_is_in_range),
    "TANH": _SIGMOIDAL,
}
"""The form for int16 values of each operator, by its kind."""
