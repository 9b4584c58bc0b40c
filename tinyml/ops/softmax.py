"""SOFTMAX: int8 to int8 over the last dimension.

The exponential of every distance from a row's maximum is tabulated here, one int32 per distance
that counts at all; the kernel sums, divides once per row, and multiplies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.ir.dtype import INT8, INT16
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
    INT8_MIN,
    operand,
    operand_count,
    quant_of,
    result,
)
from tinyml.ops.extents import of_width, rows
from tinyml.ops.float_reductions import SOFTMAX_FORM
from tinyml.ops.forms import Form, typed
from tinyml.ops.halves import cut_rows
from tinyml.ops.operands import have_one_scale, input_argument, no_macs, same_shape
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import Field, Table
from tinyml.ops.traits import UNIT, Axes, Scales, Unsigned
from tinyml.ops.wide_softmax import WIDE_SOFTMAX, output_is_near

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
    """Exponentials divided by their sum, in units of 1/256 above -128, or 1/65536 above -32768.

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
    dtype = result(op, graph).dtype
    least, most = dtype.limits
    shift = SUM_BITS - left + 31 - dtype.bits
    units = rounding_divide_by_pot(saturating_rounding_doubling_high_mul(scale, powers), shift)
    made = np.minimum(units + least, most).astype(dtype.numpy)
    return (made.reshape(values.shape),)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_softmax_s8``, or of ``tml_softmax_s8_s16`` for int16 outputs."""
    name, header = ("s8", "s8") if result(op, graph).dtype == INT8 else ("s8_s16", "s16")
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
        function=f"tml_softmax_{name}",
        header=f"kernels/softmax/{header}.h",
        params=Struct(f"tml_softmax_{name}_params".replace("_s8_params", "_params"), fields),
        arguments=(given, Arg("constant", constant="exp"), Arg("output")),
        constants=(*constants, table),
        overlaps=(Overlap(0, 0),) if given.kind == "input" and name == "s8" else (),
        cost=Cost(rows * (26 * depth + 63)),
    )


def has_rows(op: Op, graph: Graph) -> str | None:
    """The last dimension must exist and have at most 4095 elements."""
    given = operand(op, graph, 0)
    if given is None or (given.shape and given.shape[-1] <= MAX_DEPTH):
        return None
    return f"shape {list(given.shape)}"


def starts_at_lowest(op: Op, graph: Graph) -> str | None:
    """The output must have zero point -32768."""
    zero_point = quant_of(result(op, graph)).zero_point
    return None if zero_point == INT16.limits[0] else f"{zero_point}"


def beta_is_moderate(op: Op, graph: Graph) -> str | None:
    """Input scale times beta must be above 2^-26."""
    factor = real_factor(op, graph)
    return None if math.isfinite(factor) and factor > 1.0 else f"{factor / (1 << 26):g}"


_ROWS = rows("rows", "depth", "depth")
SOFTMAX = "SOFTMAX"  # its key, for those who look for one
EXTENTS = {
    "tml_softmax_params": _ROWS,
    "tml_softmax_s8_s16_params": of_width(_ROWS, read=1, made=2),
}

HALVES = dict.fromkeys(EXTENTS, cut_rows("rows", "depth", "depth"))

OPS = (
    OpSpec(
        kind=SOFTMAX,
        title="exponentials over their sum, along the last dimension",
        traits=(Unsigned(), Axes("last"), Scales("fixed", (8, 16), UNIT)),
        table=TABLE,
        inputs=("input",),
        constraints=(operand_count(1, 1), have_one_scale),
        infer=same_shape,
        macs=no_macs,
        forms=(
            Form(
                "s8",
                typed(input=INT8, output=INT8),
                reference,
                lower,
                constraints=(output_is(1 / 256, INT8_MIN), has_rows, beta_is_moderate),
            ),
            Form(
                "s8_s16",
                typed(input=INT8, output=INT16),
                reference,
                lower,
                constraints=(
                    output_is_near(2.0**-16),
                    starts_at_lowest,
                    has_rows,
                    beta_is_moderate,
                ),
            ),
            WIDE_SOFTMAX,
            SOFTMAX_FORM,
        ),
    ),
)
