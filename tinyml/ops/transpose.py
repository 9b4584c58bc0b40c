"""TRANSPOSE: the dimensions of a tensor in another order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.ops.common import operand, operand_count
from tinyml.ops.forms import Form, Like, as_constraint, typed
from tinyml.ops.lookup import no_options
from tinyml.ops.moves import MOVED, WHOLE, Walk, lower_walk, strides_of, whole_numbers
from tinyml.ops.operands import no_macs
from tinyml.ops.slice import has_at_most
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import Axes, MovesOnly, Scales, WholeNumbers

TRANSPOSE = "TRANSPOSE"  # its key, for those who build one

MAX_RANK = 5  # as in TFLM


def order(op: Op, graph: Graph) -> tuple[int, ...]:
    """The input's dimension that becomes each one of the output; raises ModelError."""
    rank = len(graph.tensors[op.inputs[0]].shape)
    found = whole_numbers(operand(op, graph, 1), "it is")
    if sorted(found) != list(range(rank)):
        raise ModelError(f"{list(found)} for {rank} dimensions")
    return found


@as_constraint
def order_is_constant(op: Op, graph: Graph) -> None:
    """The order must be constant and name each dimension once."""
    order(op, graph)


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The input's sizes in their new order."""
    shape = graph.tensors[op.inputs[0]].shape
    return (tuple(shape[axis] for axis in order(op, graph)),)


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The same elements."""
    assert inputs[0] is not None
    return (np.ascontiguousarray(inputs[0].transpose(order(op, graph))),)


def lower(op: Op, graph: Graph) -> KernelCall | None:
    """A call of ``tml_slice_s8`` with the input's strides in another order."""
    shape = graph.tensors[op.inputs[0]].shape
    strides, axes = strides_of(shape), order(op, graph)
    walk = Walk(0, tuple(shape[i] for i in axes), tuple(strides[i] for i in axes))
    return lower_walk(op, graph, walk)


OPS = (
    OpSpec(
        kind=TRANSPOSE,
        title="dimensions in another order",
        traits=(
            MovesOnly("transpose"),
            Axes("order", (1,)),
            Scales("same", (8, 16)),
            WholeNumbers(),
        ),
        table=no_options("TransposeOptions"),
        inputs=("input", "order"),
        constraints=(
            operand_count(2, 2),
            has_at_most(MAX_RANK),
            order_is_constant,
        ),
        infer=infer,
        macs=no_macs,
        # TensorFlow Lite Micro transposes no int32.
        forms=(
            Form(
                "bytes",
                typed(input=MOVED - {INT32}, order=WHOLE, output=Like("input")),
                reference,
                lower,
            ),
        ),
    ),
)
