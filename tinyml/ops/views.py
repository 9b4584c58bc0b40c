"""SQUEEZE and EXPAND_DIMS: dimensions of size 1 that come and go; nothing is moved."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.base.errors import ModelError
from tinyml.ir.graph import Graph, Op
from tinyml.ops.common import operand, operand_count
from tinyml.ops.forms import ANY, Form, Like, as_constraint, typed
from tinyml.ops.layout import lower_nothing, reshape_reference
from tinyml.ops.lookup import no_options
from tinyml.ops.moves import MOVED, WHOLE, axis_in, whole_numbers
from tinyml.ops.operands import no_macs
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import Field, Table
from tinyml.ops.traits import Axes, MovesOnly, Scales, WholeNumbers


@dataclass(frozen=True, slots=True)
class SqueezeAttrs:
    """Options of SQUEEZE."""

    axes: tuple[int, ...] = ()  # that disappear; none: all of size 1


SQUEEZE_TABLE = Table("SqueezeOptions", SqueezeAttrs, (Field("axes", "SqueezeDims", tuple),))


def infer_squeeze(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The shape without the dimensions; raises ModelError when one is not of size 1."""
    shape = graph.tensors[op.inputs[0]].shape
    gone = {axis_in(int(axis), len(shape)) for axis in op.attrs.axes}
    if not gone:
        gone = {axis for axis, size in enumerate(shape) if size == 1}
    large = sorted(axis for axis in gone if shape[axis] != 1)
    if large:
        raise ModelError(f"dimension {large[0]} of {list(shape)} is not of size 1")
    return (tuple(size for axis, size in enumerate(shape) if axis not in gone),)


def infer_expand_dims(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The shape with one more dimension; raises ModelError when there is no such place."""
    shape = graph.tensors[op.inputs[0]].shape
    numbers = whole_numbers(operand(op, graph, 1), "the axis is")
    if len(numbers) != 1:
        raise ModelError(f"{len(numbers)} axes")
    axis = axis_in(numbers[0], len(shape) + 1)
    return ((*shape[:axis], 1, *shape[axis:]),)


@as_constraint
def squeezes_ones(op: Op, graph: Graph) -> None:
    """The dimensions that disappear must exist and be of size 1."""
    infer_squeeze(op, graph)


@as_constraint
def axis_is_constant(op: Op, graph: Graph) -> None:
    """The new dimension's place must be constant and exist."""
    infer_expand_dims(op, graph)


_VIEW = (MovesOnly("view"), Axes("view"), Scales("same", (8, 16)), WholeNumbers())

OPS = (
    OpSpec(
        kind="EXPAND_DIMS",
        title="one more dimension, of size 1; takes no time",
        traits=_VIEW,
        table=no_options("ExpandDimsOptions"),
        inputs=("input", "axis"),
        constraints=(operand_count(2, 2), axis_is_constant),
        infer=infer_expand_dims,
        macs=no_macs,
        forms=(
            Form(
                "bytes",
                typed(input=MOVED, axis=WHOLE, output=Like("input")),
                reshape_reference,
                lower_nothing,
            ),
        ),
    ),
    OpSpec(
        kind="SQUEEZE",
        title="the same without dimensions of size 1; takes no time",
        traits=_VIEW,
        table=SQUEEZE_TABLE,
        inputs=("input",),
        constraints=(operand_count(1, 1), squeezes_ones),
        infer=infer_squeeze,
        macs=no_macs,
        forms=(
            Form(
                "bytes",
                typed(input=ANY, output=Like("input")),
                reshape_reference,
                lower_nothing,
            ),
        ),
    ),
)
