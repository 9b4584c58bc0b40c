"""LEAKY_RELU and ELU: positive values stay, negative ones become smaller.

Of int8 values each op's ``..._table`` is TFLM's arithmetic on all 256 inputs; the reference looks
values up in it, and so does the kernel. LEAKY_RELU of int16 values has a kernel of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.dtype import INT8, INT16
from tinyml.ir.fixedpoint import (
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    wrap_int32,
)
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, of_elements
from tinyml.ops.activation import max_shift, relu_factor, relu_fits_32_bits
from tinyml.ops.common import (
    INT8_MAX,
    INT8_MIN,
    operand_count,
    quant_of,
    requant_struct,
    result,
)
from tinyml.ops.extents import elementwise
from tinyml.ops.float_elementwise import elu, float_unary, leaky_relu
from tinyml.ops.forms import Form, typed
from tinyml.ops.halves import cut_elements
from tinyml.ops.lookup import BYTE_MAP, NO_OPTIONS, input_values, look_up, lookup_call
from tinyml.ops.operands import have_one_scale, input_argument, no_macs, same_shape
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import Field, Table
from tinyml.ops.traits import Axes, ByteMap, Rows, Scales, Unsigned


@dataclass(frozen=True, slots=True)
class LeakyReluAttrs:
    """Options of LEAKY_RELU."""

    alpha: float = 0.0  # float32; slope below zero, of any sign


TABLE = Table("LeakyReluOptions", LeakyReluAttrs, (Field("alpha", "Alpha", float),))


def alpha_factor(op: Op, graph: Graph) -> tuple[int, int]:
    """Factor of negative values, without its sign: TFLM negates what it has multiplied.

    Source: TensorFlow Lite Micro, CalculateOpDataLeakyRelu (in binary64), QuantizeLeakyRelu.
    """
    given, out = quant_of(graph.tensors[op.inputs[0]]), quant_of(result(op, graph))
    scales = float(np.float32(given.scale)), float(np.float32(out.scale))
    return quantize_multiplier(scales[0] * abs(float(np.float32(op.attrs.alpha))) / scales[1])


def alpha_is_usable(op: Op, graph: Graph) -> str | None:
    """The slope must be finite, the factor below zero under 2^22, of int16 values under 2^14."""
    if not np.isfinite(op.attrs.alpha):
        return f"{op.attrs.alpha}"
    shift = alpha_factor(op, graph)[1]
    return None if shift <= max_shift(op, graph) else f"slope {op.attrs.alpha:g}, factor 2^{shift}"


def leaky_relu_table(op: Op, graph: Graph) -> Array:
    """What becomes of all int8 values."""
    return leaked(op, graph, input_values(INT8))


def leaked(op: Op, graph: Graph, values: NDArray[np.int64]) -> Array:
    """x, or alpha * x where it is negative. Source: TFLM, reference_ops::QuantizeLeakyRelu."""
    given, made = quant_of(graph.tensors[op.inputs[0]]), result(op, graph)
    out = quant_of(made)
    centred = values - given.zero_point
    kept = multiply_by_quantized_multiplier(np.maximum(centred, 0), *relu_factor(op, graph))
    lost = multiply_by_quantized_multiplier(np.minimum(centred, 0), *alpha_factor(op, graph))
    lost = -lost if op.attrs.alpha < 0 else lost
    value = wrap_int32(np.where(centred >= 0, kept, lost) + out.zero_point)
    return np.clip(value, *made.dtype.limits).astype(made.dtype.numpy)


def elu_table(op: Op, graph: Graph) -> Array:
    """x, or exp(x) - 1 where it is negative.

    Source: TensorFlow Lite Micro, PopulateLookupTable (micro/kernels/elu.cc): binary32 throughout.
    """
    given, out = quant_of(graph.tensors[op.inputs[0]]), quant_of(result(op, graph))
    centred = (input_values(INT8) - given.zero_point).astype(np.float32)
    real = np.float32(given.scale) * centred
    grown = np.exp(np.minimum(real, 0).astype(np.float64)).astype(np.float32)
    value = np.where(real < 0, grown - np.float32(1), real)
    scaled = (value * (np.float32(1) / np.float32(out.scale))).astype(np.float64)
    rounded = np.copysign(np.floor(np.abs(scaled) + 0.5), scaled)
    table: Array = np.clip(rounded + out.zero_point, INT8_MIN, INT8_MAX).astype(np.int8)
    return table


def _leaky_relu(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    assert inputs[0] is not None
    return (look_up(leaky_relu_table(op, graph), inputs[0]),)


def _leaky_relu_wide(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    assert inputs[0] is not None
    return (leaked(op, graph, inputs[0].astype(np.int64)),)


def _elu(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    assert inputs[0] is not None
    return (look_up(elu_table(op, graph), inputs[0]),)


def _lower_leaky_relu(op: Op, graph: Graph) -> KernelCall:
    return lookup_call(op, graph, leaky_relu_table(op, graph), what="LEAKY_RELU")


def lower_wide(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_leaky_relu_s16``."""
    given, out = quant_of(graph.tensors[op.inputs[0]]), result(op, graph)
    argument, constants = input_argument(op, graph, 0)
    fields = (
        ("count", out.elements),
        ("input_offset", -given.zero_point),
        ("positive", requant_struct(*relu_factor(op, graph))),
        ("negative", requant_struct(*alpha_factor(op, graph))),
        ("is_negated", op.attrs.alpha < 0),
        ("output_offset", quant_of(out).zero_point),
    )
    call = KernelCall(
        function="tml_leaky_relu_s16",
        header="kernels/leaky_relu/s16.h",
        params=Struct("tml_leaky_relu_params", fields),
        arguments=(argument, Arg("output")),
        constants=constants,
        overlaps=(Overlap(0, 0),) if argument.kind == "input" else (),
        cost=Cost(22 * out.elements + 10),
    )
    return of_elements(call, INT16.nbytes(1))


def _lower_elu(op: Op, graph: Graph) -> KernelCall:
    return lookup_call(op, graph, elu_table(op, graph), what="ELU")


EXTENTS = {"tml_leaky_relu_params": elementwise()}

HALVES = {"tml_leaky_relu_params": cut_elements()}

_COMMON = (operand_count(1, 1), have_one_scale)
_IN_RANGE = (relu_fits_32_bits, alpha_is_usable)

OPS = (
    OpSpec(
        kind="ELU",
        title="x, or exp(x) - 1 below zero",
        traits=(ByteMap(), Rows(), Axes("each"), Scales("own")),
        table=NO_OPTIONS,
        inputs=("input",),
        constraints=_COMMON,
        infer=same_shape,
        macs=no_macs,
        forms=(
            Form("s8", BYTE_MAP, _elu, _lower_elu, (relu_fits_32_bits,)),
            float_unary("elu", elu, instructions=60),
        ),
    ),
    OpSpec(
        kind="LEAKY_RELU",
        title="x, or a constant times x below zero",
        traits=(
            ByteMap(),
            Unsigned(),
            Rows(),
            Axes("each"),
            Scales("own", (8, 16), carries_range=True),
        ),
        table=TABLE,
        inputs=("input",),
        constraints=_COMMON,
        infer=same_shape,
        macs=no_macs,
        forms=(
            Form("s8", BYTE_MAP, _leaky_relu, _lower_leaky_relu, _IN_RANGE),
            Form("s16", typed(input=INT16, output=INT16), _leaky_relu_wide, lower_wide, _IN_RANGE),
            float_unary("leaky_relu", leaky_relu),
        ),
    ),
)
