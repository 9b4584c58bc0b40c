"""TILE, BROADCAST_TO and FILL: elements of a tensor written several times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import FLOAT32, INT8, INT32
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.ir.kernel import KernelCall
from tinyml.ops.common import operand, operand_count, result
from tinyml.ops.forms import Form, Like, as_constraint, typed
from tinyml.ops.layout import RESHAPE, ReshapeAttrs
from tinyml.ops.lookup import no_options
from tinyml.ops.moves import (
    ANY_MOVED,
    MAX_LOOPS,
    WHOLE,
    Walk,
    loops_of,
    lower_walk,
    strides_of,
    whole_numbers,
)
from tinyml.ops.operands import no_macs
from tinyml.ops.spec import Expansion, OpSpec
from tinyml.ops.traits import MovesOnly, Scales, ShapeOperand, WholeNumbers

TILE, BROADCAST_TO, FILL = "TILE", "BROADCAST_TO", "FILL"  # keys, for those who build such ops

MAX_RANK = 5  # of a broadcast, as in TFLM


def times(op: Op, graph: Graph) -> tuple[int, ...]:
    """How often a TILE repeats each axis; raises ModelError when that is not constant."""
    found = whole_numbers(operand(op, graph, 1), "they are")
    rank = len(graph.tensors[op.inputs[0]].shape)
    if len(found) != rank or min(found, default=1) < 1:
        raise ModelError(f"{list(found)} for {rank} dimensions")
    return found


@as_constraint
def times_are_constant(op: Op, graph: Graph) -> None:
    """Repetitions must be a constant positive number for each dimension."""
    times(op, graph)


def infer_tile(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """Each size times its repetitions."""
    shape = graph.tensors[op.inputs[0]].shape
    return (tuple(size * n for size, n in zip(shape, times(op, graph), strict=True)),)


def tile_reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The input side by side with itself."""
    assert inputs[0] is not None
    return (np.tile(inputs[0], times(op, graph)),)


def _tile_walk(op: Op, graph: Graph) -> Walk:
    shape = graph.tensors[op.inputs[0]].shape
    loops = [
        pair
        for n, size, step in zip(times(op, graph), shape, strides_of(shape), strict=True)
        for pair in ((n, 0), (size, step))
    ]
    return Walk(0, tuple(count for count, _ in loops), tuple(step for _, step in loops))


def lower_tile(op: Op, graph: Graph) -> KernelCall | None:
    """A call of ``tml_slice_s8`` that reads the input again and again."""
    return lower_walk(op, graph, _tile_walk(op, graph))


def expand_tile(op: Op, graph: Graph) -> Expansion | None:
    """One TILE per axis, the last one first, where the kernel has too few loops for all."""
    if loops_of(_tile_walk(op, graph)) <= MAX_LOOPS:
        return None
    count, made = times(op, graph), result(op, graph)
    axes = [axis for axis in reversed(range(len(count))) if count[axis] != 1]
    tensors: list[Tensor] = []
    ops: list[Op] = []
    source, shape = op.inputs[0], list(graph.tensors[op.inputs[0]].shape)
    for axis in axes:
        shape[axis] *= count[axis]
        data = np.where(np.arange(len(count)) == axis, count, 1).astype(np.int32)
        data.setflags(write=False)
        name = f"{op.name}/axis_{axis}"
        numbers = len(graph.tensors) + len(tensors)
        tensors.append(Tensor(f"{name}/times", INT32, data.shape, None, data))
        target = op.outputs[0]
        if axis != axes[-1]:
            tensors.append(replace(made, name=name, shape=tuple(shape)))
            target = numbers + 1
        ops.append(replace(op, name=name, inputs=(source, numbers), outputs=(target,)))
        source = target
    return Expansion(tuple(ops), tuple(tensors))


def broadcast_shape(op: Op, graph: Graph) -> tuple[int, ...]:
    """The shape that a BROADCAST_TO makes; raises ModelError when the input does not fit it."""
    wanted = whole_numbers(operand(op, graph, 1), "it is")
    shape = graph.tensors[op.inputs[0]].shape
    try:
        fits = np.broadcast_shapes(shape, wanted) == wanted
    except ValueError:
        fits = False
    if not fits or len(wanted) > MAX_RANK:
        raise ModelError(f"{list(shape)} to {list(wanted)}")
    return wanted


@as_constraint
def shape_is_constant(op: Op, graph: Graph) -> None:
    """The new shape must be constant, of at most 5 dimensions, and what the input broadcasts to."""
    broadcast_shape(op, graph)


def infer_broadcast(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The shape in the operand."""
    return (broadcast_shape(op, graph),)


def broadcast_reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The input along more, or larger, dimensions."""
    assert inputs[0] is not None
    return (np.ascontiguousarray(np.broadcast_to(inputs[0], broadcast_shape(op, graph))),)


def lower_broadcast(op: Op, graph: Graph) -> KernelCall | None:
    """A call of ``tml_slice_s8`` that stands still along dimensions of size 1."""
    counts = broadcast_shape(op, graph)
    shape = graph.tensors[op.inputs[0]].shape
    full = (1,) * (len(counts) - len(shape)) + shape
    pairs = zip(full, strides_of(full), strict=True)
    return lower_walk(op, graph, Walk(0, counts, tuple(0 if n == 1 else s for n, s in pairs)))


def filled_shape(op: Op, graph: Graph) -> tuple[int, ...]:
    """The shape that a FILL makes; raises ModelError when it is not constant."""
    return whole_numbers(operand(op, graph, 0), "it is")


def fills_with_a_scalar(op: Op, graph: Graph) -> str | None:
    """The shape must be constant, and the value a scalar without dimensions."""
    try:
        filled_shape(op, graph)
    except ModelError as error:
        return error.message
    value = operand(op, graph, 1)
    return f"a value of shape {list(value.shape)}" if value is not None and value.shape else None


def infer_fill(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The shape in the operand."""
    return (filled_shape(op, graph),)


def fill_reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The value everywhere."""
    assert inputs[1] is not None
    return (np.full(filled_shape(op, graph), inputs[1], inputs[1].dtype),)


def lower_fill(op: Op, graph: Graph) -> KernelCall | None:
    """A call of ``tml_slice_s8`` that never leaves the one element."""
    counts = filled_shape(op, graph)
    return lower_walk(op, graph, Walk(0, counts, (0,) * len(counts)), source=1)


def expand_fill(op: Op, graph: Graph) -> Expansion | None:
    """Of a single element nothing is repeated: it only gets dimensions."""
    made = result(op, graph)
    if made.elements != 1 or graph.tensors[op.inputs[1]].is_constant:
        return None
    shaped = replace(op, kind=RESHAPE, inputs=op.inputs[1:], attrs=ReshapeAttrs(made.shape))
    return Expansion((shaped,))


_BYTES = typed(input=ANY_MOVED, times=WHOLE, shape=WHOLE, output=Like("input"))
_FILLED = typed(shape=WHOLE, value=frozenset((FLOAT32, INT8, INT32)), output=Like("value"))
_TRAITS = (MovesOnly("repeat"), WholeNumbers())

OPS = (
    OpSpec(
        kind=TILE,
        title="a tensor several times along its dimensions",
        traits=_TRAITS,
        table=no_options("TileOptions"),
        inputs=("input", "times"),
        constraints=(operand_count(2, 2), times_are_constant),
        infer=infer_tile,
        macs=no_macs,
        forms=(Form("bytes", _BYTES, tile_reference, lower_tile),),
        expand=expand_tile,
    ),
    OpSpec(
        kind=BROADCAST_TO,
        title="a tensor along more, or larger, dimensions",
        version=2,
        traits=(*_TRAITS, Scales("same"), ShapeOperand(1)),
        table=no_options("BroadcastToOptions"),
        inputs=("input", "shape"),
        constraints=(operand_count(2, 2), shape_is_constant),
        infer=infer_broadcast,
        macs=no_macs,
        forms=(Form("bytes", _BYTES, broadcast_reference, lower_broadcast),),
    ),
    OpSpec(
        kind=FILL,
        title="a tensor of one value",
        traits=(ShapeOperand(0), WholeNumbers()),
        table=no_options("FillOptions"),
        inputs=("shape", "value"),
        constraints=(operand_count(2, 2), fills_with_a_scalar),
        infer=infer_fill,
        macs=no_macs,
        forms=(Form("bytes", _FILLED, fill_reference, lower_fill),),
        expand=expand_fill,
    ),
)
