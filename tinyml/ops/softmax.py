"""SOFTMAX: int8 to int8 over the last dimension.

The exponential of every distance from a row's maximum is tabulated here, one int32 per distance
that counts at all; the kernel sums, divides once per row, and multiplies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.ir.dtype import INT8
from tinyml.ir.fixedmath import Q0_ONE, exp_of_negative, one_over_one_plus_x
from tinyml.ir.fixedpoint import (
    IntArray,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
)
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Overlap, Struct
from tinyml.ops.activation import output_is
from tinyml.ops.common import (
    INT8_MAX,
    INT8_MIN,
    operand,
    operand_count,
    quant_of,
)
from tinyml.ops.extents import rows
from tinyml.ops.float_reductions import SOFTMAX_FORM
from tinyml.ops.forms import Form, typed
from tinyml.ops.operands import have_one_scale, input_argument, no_macs, same_shape
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import Field, Table
from tinyml.ops.traits import UNIT, Axes, Scales

INTEGER_BITS = 5  # of the argument of exp: beyond -32 nothing is left
SUM_BITS = 12  # integer bits of the sum of exponentials
MAX_DEPTH = (1 << SUM_BITS) - 1  # terms of at most 1 that the sum can hold


@dataclass(frozen=True, slots=True)
class SoftmaxAttrs:
    """Options of SOFTMAX."""

    beta: float = 1.0  # a float32 value; multiplies the input


TABLE = Table("SoftmaxOptions", SoftmaxAttrs, (Field("beta", "Beta", float),))


def real_factor(op: Op, graph: Graph) -> float:
    """Units of Q5 per unit of the input.

    Source: TensorFlow Lite, PreprocessSoftmaxScaling (kernels/internal/quantization_util.cc).
    """
    scale = float(np.float32(quant_of(graph.tensors[op.inputs[0]]).scale))
    return float(op.attrs.beta) * scale * float(1 << (31 - INTEGER_BITS))


def exp_table(op: Op, graph: Graph) -> IntArray:
    """exp(-distance) in Q0 for distances 0, 1, ... up to the last that is not taken as 0.

    Source: TensorFlow Lite Micro, CalculateSoftmaxParams, reference_ops::Softmax.
    """
    factor = real_factor(op, graph)
    if factor >= (1 << 30) - 0.25:  # rounds to 2**30 or more: a distance of 1 is -16 already
        return np.array([Q0_ONE], np.int64)
    multiplier, shift = quantize_multiplier(factor)
    radius = math.floor(((1 << INTEGER_BITS) - 1) * (1 << (31 - INTEGER_BITS)) / 2.0**shift)
    distances = np.arange(min(radius, 255) + 1)
    return exp_of_negative(
        multiply_by_quantized_multiplier(-distances, multiplier, shift), INTEGER_BITS
    )


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Exponentials divided by their sum, in units of 1/256 above -128.

    TFLM stops when a sum reaches 512, as the shift then exceeds 31; here the result is -128.
    """
    values = inputs[0]
    assert values is not None
    rows = values.astype(np.int64).reshape(-1, values.shape[-1])
    table = np.zeros(256, np.int64)
    known = exp_table(op, graph)
    table[: len(known)] = known
    powers = table[rows.max(axis=1, keepdims=True) - rows]
    sums = rounding_divide_by_pot(powers, SUM_BITS).sum(axis=1, keepdims=True)
    # Normalised to [1, 2): bit 31 becomes the 1.
    left = 31 - np.floor(np.log2(sums)).astype(np.int64)
    scale = one_over_one_plus_x((sums << left) - (1 << 31))
    shift = SUM_BITS - left + 31 - 8
    units = rounding_divide_by_pot(saturating_rounding_doubling_high_mul(scale, powers), shift)
    made = np.minimum(units + INT8_MIN, INT8_MAX).astype(np.int8)
    return (made.reshape(values.shape),)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_softmax_s8``."""
    shape = graph.tensors[op.inputs[0]].shape
    rows, depth = math.prod(shape[:-1]), shape[-1]
    given, constants = input_argument(op, graph, 0)
    table = Constant(
        "exp",
        exp_table(op, graph).astype(np.int32),
        "exp(-d) * 2^31 for distances d below a row's maximum",
    )
    fields = (("rows", rows), ("depth", depth), ("exp_count", len(table.data)))
    return KernelCall(
        function="tml_softmax_s8",
        header="kernels/softmax/s8.h",
        params=Struct("tml_softmax_params", fields),
        arguments=(given, Arg("constant", constant="exp"), Arg("output")),
        constants=(*constants, table),
        overlaps=(Overlap(0, 0),) if given.kind == "input" else (),
        cost=Cost(rows * (26 * depth + 63)),
    )


def has_rows(op: Op, graph: Graph) -> str | None:
    """The last dimension must exist and have at most 4095 elements."""
    given = operand(op, graph, 0)
    if given is None or (given.shape and given.shape[-1] <= MAX_DEPTH):
        return None
    return f"shape {list(given.shape)}"


def beta_is_moderate(op: Op, graph: Graph) -> str | None:
    """Input scale times beta must be above 2^-26."""
    factor = real_factor(op, graph)
    return None if math.isfinite(factor) and factor > 1.0 else f"{factor / (1 << 26):g}"


EXTENTS = {"tml_softmax_params": rows("rows", "depth", "depth")}

OPS = (
    OpSpec(
        kind="SOFTMAX",
        title="exponentials over their sum, along the last dimension",
        traits=(Axes("last"), Scales("fixed", (8, 16), UNIT)),
        table=TABLE,
        inputs=("input",),
        constraints=(operand_count(1, 1), have_one_scale, has_rows),
        infer=same_shape,
        macs=no_macs,
        forms=(
            Form(
                "s8",
                typed(input=INT8, output=INT8),
                reference,
                lower,
                constraints=(
                    output_is(1 / 256, INT8_MIN),
                    beta_is_moderate,
                ),
            ),
            SOFTMAX_FORM,
        ),
    ),
)
