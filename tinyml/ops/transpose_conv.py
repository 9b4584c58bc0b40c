"""TRANSPOSE_CONV: every input pixel, times an OHWI filter, spread over a larger NHWC image.

Its operands come in an order of their own: the shape of the output, weights, input, bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.dtype import INT16, INT64
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall
from tinyml.ops import float_layers
from tinyml.ops.common import (
    is_image,
    operand_count,
    padding_is_known,
    result,
)
from tinyml.ops.extents import images
from tinyml.ops.forms import Constraint, as_constraint
from tinyml.ops.moves import WHOLE
from tinyml.ops.spec import OpSpec
from tinyml.ops.spreads import INPUT, SHAPE, WEIGHTS, spread_struct, spreads
from tinyml.ops.table import ACTIVATION, PADDING, Field, Table
from tinyml.ops.traits import ClampsOutput, Scales, ShapeOperand, Weights
from tinyml.ops.weighted import WeightedSum, weighted_sum
from tinyml.ops.weighted_constraints import bias_is_constant, weights_are_constant
from tinyml.ops.weighted_forms import WeightedForms, channel_constants, plain_call, scaled_along

BIAS = 3  # operand


@dataclass(frozen=True, slots=True)
class TransposeConvAttrs:
    """Options of TRANSPOSE_CONV."""

    padding: str = "SAME"
    stride_h: int = 1
    stride_w: int = 1
    activation: str = "NONE"


TABLE = Table(
    "TransposeConvOptions",
    TransposeConvAttrs,
    (
        Field("padding", "Padding", PADDING),
        Field("stride_w", "StrideW"),
        Field("stride_h", "StrideH"),
        Field("activation", "FusedActivationFunction", ACTIVATION),
    ),
)


def as_weighted(op: Op) -> Op:
    """The op with its operands in the order of other layers: input, weights, bias."""
    bias = op.inputs[BIAS] if len(op.inputs) > BIAS else -1
    return replace(op, inputs=(op.inputs[INPUT], op.inputs[WEIGHTS], bias))


def _reordered(constraint: Constraint) -> Constraint:
    """A constraint of other layers, asked about operands in their order."""

    def asked(op: Op, graph: Graph) -> str | None:
        return constraint(as_weighted(op), graph) if len(op.inputs) > INPUT else None

    asked.__doc__ = constraint.__doc__
    return asked


@as_constraint
def fits_together(op: Op, graph: Graph) -> None:
    """The output's shape must be constant and have the input's batches and the filters' number."""
    spreads(op, graph)


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The shape that the first operand gives."""
    rows, columns = spreads(op, graph)
    batches = graph.tensors[op.inputs[INPUT]].shape[0]
    filters = graph.tensors[op.inputs[WEIGHTS]].shape[0]
    return ((batches, rows.out_size, columns.out_size, filters),)


def layer(op: Op, graph: Graph) -> WeightedSum:
    """The layer's numbers; taps of a row in the order of the filter (row, column, channel)."""
    weights = graph.tensors[op.inputs[WEIGHTS]]
    assert weights.data is not None
    rows = weights.data.astype(np.int64).reshape(weights.shape[0], -1)
    return weighted_sum(as_weighted(op), graph, rows)


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Every tap's products added where they belong; what lies outside of the output is cut off.

    Products of int8 values are summed in binary64, which is exact far beyond 32 bits.
    """
    values, numbers = inputs[INPUT], layer(op, graph)
    assert values is not None
    rows, columns = spreads(op, graph)
    taps = numbers.weights.reshape(graph.tensors[op.inputs[WEIGHTS]].shape).astype(np.float64)
    centred = values.astype(np.float64) - numbers.input_zero_point
    sizes = [
        max((axis.in_size - 1) * axis.stride + axis.kernel, axis.pad + axis.out_size)
        for axis in (rows, columns)
    ]
    sums = np.zeros((values.shape[0], *sizes, len(taps)))
    for k_y in range(rows.kernel):
        for k_x in range(columns.kernel):
            reached = (
                slice(k_y, k_y + (rows.in_size - 1) * rows.stride + 1, rows.stride),
                slice(k_x, k_x + (columns.in_size - 1) * columns.stride + 1, columns.stride),
            )
            sums[:, reached[0], reached[1]] += centred @ taps[:, k_y, k_x].T
    kept = sums[:, rows.pad :, columns.pad :][:, : rows.out_size, : columns.out_size]
    total: NDArray[np.int64] = kept.astype(np.int64) + numbers.bias
    return (numbers.outputs(total),)


def macs(op: Op, graph: Graph) -> int:
    """Multiplications that reach the output."""
    return _products(op, graph) * result(op, graph).shape[3]


def _products(op: Op, graph: Graph) -> int:
    rows, columns = (axis.taps() for axis in spreads(op, graph))
    batches, _, _, channels = graph.tensors[op.inputs[INPUT]].shape
    return batches * rows * columns * channels


def lower(op: Op, graph: Graph, numbers: WeightedSum) -> KernelCall:
    """A call of ``tml_transpose_conv_s8``."""
    given, weights = graph.tensors[op.inputs[INPUT]], graph.tensors[op.inputs[WEIGHTS]]
    assert weights.data is not None
    rows, columns = spreads(op, graph)
    numbers = numbers.with_bounded_sums
    fields = (
        ("batches", given.shape[0]),
        ("height", spread_struct(rows)),
        ("width", spread_struct(columns)),
        ("in_channels", given.shape[3]),
        ("out_channels", weights.shape[0]),
        ("input_offset", -numbers.input_zero_point),
    )
    constants = (
        Constant("weights", weights.data.reshape(-1), "filter, row, column, channel"),
        *channel_constants(numbers, is_folded=False),
    )
    call = plain_call("transpose_conv", fields, constants, numbers, cost(op, graph))
    return replace(call, arguments=(Arg("input", INPUT), *call.arguments[1:]))


def cost(op: Op, graph: Graph) -> Cost:
    """Work of the kernel on a Cortex-M4, measured."""
    filters = result(op, graph).shape[3]
    return Cost(
        instructions=3 * _products(op, graph) * (filters + filters % 4)
        + 40 * result(op, graph).elements,
        code_bytes=700,
    )


_COMMON = (
    operand_count(3, 4),
    _reordered(is_image),
    _reordered(weights_are_constant),
    _reordered(bias_is_constant),
    padding_is_known,
    fits_together,
)
_SCALED = tuple(_reordered(constraint) for constraint in scaled_along(0))
_INTEGERS = WeightedForms(
    reference, lower, layer, _SCALED, frozenset((INT16, INT64)), may_wrap=False
)

EXTENTS = {"tml_transpose_conv_params": images("in_channels", "out_channels")}

OPS = (
    OpSpec(
        kind="TRANSPOSE_CONV",
        title="transposed 2-D convolution: any stride and padding, per channel or tensor",
        traits=(
            Weights(value=INPUT, weights=WEIGHTS, bias=BIAS),
            ClampsOutput(),
            ShapeOperand(SHAPE),
            Scales("own", (8, 16)),
        ),
        table=TABLE,
        inputs=("shape", "filter", "input", "bias?"),
        constraints=_COMMON,
        infer=infer,
        macs=macs,
        forms=(
            *_INTEGERS.forms(shape=WHOLE),
            float_layers.transposed_form(WHOLE),
        ),
    ),
)
