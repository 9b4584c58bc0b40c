"""L2_NORMALIZATION: rows divided by the root of the sum of their squares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.ir.dtype import INT8
from tinyml.ir.fixedmath import inverse_square_root
from tinyml.ir.fixedpoint import multiply_by_quantized_multiplier
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct
from tinyml.ops.common import INT8_MAX, INT8_MIN, operand, operand_count, quant_of
from tinyml.ops.extents import rows
from tinyml.ops.float_rows import L2_NORMALIZATION_FORM
from tinyml.ops.forms import Form, typed
from tinyml.ops.halves import cut_rows
from tinyml.ops.operands import have_one_scale, input_argument, no_macs, same_shape
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import ACTIVATION, Field, Table
from tinyml.ops.traits import SIGNED_UNIT, Axes, Scales

L2_NORMALIZATION = "L2_NORMALIZATION"  # its key, for those who build one

MAX_DEPTH = 1 << 15  # squares of at most 255 whose sum fits 31 bits
_OUTPUT_BITS = 7  # the output is in units of 1/128


@dataclass(frozen=True, slots=True)
class L2NormAttrs:
    """Options of L2_NORMALIZATION."""

    fused: str = "NONE"  # activation; none is supported


def has_no_activation(op: Op, graph: Graph) -> str | None:
    """There must be no fused activation."""
    return None if op.attrs.fused == "NONE" else str(op.attrs.fused)


def has_rows(op: Op, graph: Graph) -> str | None:
    """The input must have 1 to 4 dimensions, the last one of at most 32768 elements."""
    given = operand(op, graph, 0)
    if given is None or (1 <= len(given.shape) <= 4 and given.shape[-1] <= MAX_DEPTH):
        return None
    return f"shape {list(given.shape)}"


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Each element times the inverse root of the sum of squares of its row, in units of 1/128."""
    values = inputs[0]
    assert values is not None
    centred = values.astype(np.int64) - quant_of(graph.tensors[op.inputs[0]]).zero_point
    centred = centred.reshape(-1, values.shape[-1])
    made = np.empty(centred.shape, np.int8)
    for i, row in enumerate(centred):
        multiplier, shift = _inverse_root(int((row * row).sum()))
        scaled = multiply_by_quantized_multiplier(row, multiplier, shift + _OUTPUT_BITS)
        made[i] = np.clip(scaled, INT8_MIN, INT8_MAX)
    return (made.reshape(values.shape),)


def _inverse_root(value: int) -> tuple[int, int]:
    """As ``inverse_square_root``, for all sums of squares; 0 counts as 1."""
    right = 0
    while value >= 1 << 29:
        value //= 4
        right += 1
    multiplier, shift = inverse_square_root(max(value, 1))
    return multiplier, shift - right


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_l2_normalization_s8``."""
    given = graph.tensors[op.inputs[0]]
    argument, constants = input_argument(op, graph, 0)
    fields = (
        ("rows", math.prod(given.shape[:-1])),
        ("depth", given.shape[-1]),
        ("input_offset", -quant_of(given).zero_point),
    )
    return KernelCall(
        function="tml_l2_normalization_s8",
        header="kernels/l2_normalization/s8.h",
        params=Struct("tml_l2_normalization_params", fields),
        arguments=(argument, Arg("output")),
        constants=constants,
        overlaps=(Overlap(0, 0),) if argument.kind == "input" else (),
        cost=Cost(math.prod(given.shape[:-1]) * (250 + 22 * given.shape[-1])),
    )


EXTENTS = {"tml_l2_normalization_params": rows("rows", "depth", "depth")}

HALVES = {"tml_l2_normalization_params": cut_rows("rows", "depth", "depth")}

OPS = (
    OpSpec(
        kind=L2_NORMALIZATION,
        title="rows divided by the root of the sum of their squares",
        traits=(Scales("fixed", (8,), SIGNED_UNIT), Axes("last")),
        table=Table(
            "L2NormOptions",
            L2NormAttrs,
            (Field("fused", "FusedActivationFunction", ACTIVATION),),
        ),
        inputs=("input",),
        constraints=(operand_count(1, 1), have_one_scale, has_no_activation, has_rows),
        infer=same_shape,
        macs=no_macs,
        forms=(Form("s8", typed(input=INT8, output=INT8), reference, lower), L2_NORMALIZATION_FORM),
    ),
)
