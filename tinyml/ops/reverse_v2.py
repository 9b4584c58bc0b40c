"""REVERSE_V2: a tensor back to front along some dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.ops.common import operand, operand_count
from tinyml.ops.forms import Form, Like, as_constraint, typed
from tinyml.ops.lookup import no_options
from tinyml.ops.moves import (
    ANY_MOVED,
    WHOLE,
    Walk,
    axis_in,
    lower_walk,
    strides_of,
    whole_numbers,
)
from tinyml.ops.operands import no_macs, same_shape
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import MovesOnly, Scales, WholeNumbers

REVERSE_V2 = "REVERSE_V2"  # its key, for those who build one


def reversed_axes(op: Op, graph: Graph) -> tuple[int, ...]:
    """The dimensions, smallest first; raises ModelError when TFLM would not take them."""
    rank = len(graph.tensors[op.inputs[0]].shape)
    axes = sorted(axis_in(n, rank) for n in whole_numbers(operand(op, graph, 1), "they are"))
    if not axes or axes != list(range(axes[0], axes[0] + len(axes))):
        raise ModelError(f"{axes}")
    return tuple(axes)


@as_constraint
def axes_are_neighbours(op: Op, graph: Graph) -> None:
    """The dimensions must be constant and follow one another."""
    reversed_axes(op, graph)


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The same elements in another order."""
    assert inputs[0] is not None
    return (np.ascontiguousarray(np.flip(inputs[0], reversed_axes(op, graph))),)


def lower(op: Op, graph: Graph) -> KernelCall | None:
    """A call of ``tml_slice_s8`` with negative steps."""
    shape = graph.tensors[op.inputs[0]].shape
    strides, axes = strides_of(shape), reversed_axes(op, graph)
    start = sum((shape[axis] - 1) * strides[axis] for axis in axes)
    steps = tuple(-step if axis in axes else step for axis, step in enumerate(strides))
    return lower_walk(op, graph, Walk(start, shape, steps))


OPS = (
    OpSpec(
        kind=REVERSE_V2,
        title="back to front along some dimensions",
        traits=(MovesOnly("reverse"), Scales("same", (8, 16)), WholeNumbers()),
        table=no_options("ReverseV2Options"),
        inputs=("input", "axes"),
        constraints=(operand_count(2, 2), axes_are_neighbours),
        infer=same_shape,
        macs=no_macs,
        forms=(
            Form(
                "bytes",
                typed(input=ANY_MOVED, axes=WHOLE, output=Like("input")),
                reference,
                lower,
            ),
        ),
    ),
)
