"""Float operators without an integer kernel, as others that have one and give the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from tinyml.convert.fixups.edit import integers, with_constant
from tinyml.convert.tables import options_of
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph, Op, Tensor
from tinyml.ops.elementwise import MUL
from tinyml.ops.float_only import NEG
from tinyml.ops.layout import CONCATENATION, RESHAPE
from tinyml.ops.others import SELECT
from tinyml.ops.repeat import TILE
from tinyml.ops.resize_nearest_neighbor import RESIZE_NEAREST_NEIGHBOR
from tinyml.ops.select import SELECT_V2
from tinyml.passes.rewrite import maker, moves, only_reader, with_ops

_MAX_COPIES = 256  # inputs of a CONCATENATION, which others make of fewer each


def replace_kernelless(graph: Graph) -> Graph:
    """RESIZE or CONCATENATION for TILE, MUL for NEG, SELECT_V2 for SELECT of floats."""
    for op in graph.ops:
        if op not in graph.ops:
            continue  # became part of another
        if op.kind == TILE:
            graph = _upsampled(graph, op) or _joined(graph, op)
        elif op.kind == NEG and graph.tensors[op.outputs[0]].dtype == FLOAT32:
            graph = _negated(graph, op)
        elif op.kind == SELECT:
            graph = _with_broadcast(graph, op)
    return graph


def _with_broadcast(graph: Graph, op: Op) -> Graph:
    """SELECT_V2 where both mean the same: a condition of one axis would choose whole rows."""
    made = graph.tensors[op.outputs[0]]
    if made.dtype != FLOAT32 or graph.tensors[op.inputs[0]].shape != made.shape:
        return graph
    return with_ops(graph, {id(op): replace(op, kind=SELECT_V2, attrs=options_of(SELECT_V2))})


@dataclass(frozen=True, slots=True)
class _Repeat:
    """A TILE that writes each block of elements several times in a row."""

    times: int
    block: int  # elements


def _repeat_of(graph: Graph, op: Op | None) -> _Repeat | None:
    if op is None or op.kind != TILE:
        return None
    value, times = graph.tensors[op.inputs[0]], integers(graph.tensors[op.inputs[1]])
    axes = [axis for axis, count in enumerate(times or ()) if count != 1]
    if times is None or value.dtype != FLOAT32 or value.is_constant or len(axes) != 1:
        return None
    if value.shape[axes[0]] != 1 or times[axes[0]] < 1:
        return None
    return _Repeat(times[axes[0]], prod(value.shape[axes[0] :]))


def _upsampled(graph: Graph, op: Op) -> Graph | None:
    """One resize for repeated rows, and for the repeated columns behind them; None for others."""
    rows = _repeat_of(graph, op)
    if rows is None:
        return None
    before = maker(graph, op.inputs[0])
    source = before.inputs[0] if before is not None and moves(before, "view") else op.inputs[0]
    gone: tuple[Op, ...] = ()
    columns, last = _Repeat(1, rows.block), op
    behind = only_reader(graph, op.outputs[0])
    if behind is not None and moves(behind, "view"):
        second = only_reader(graph, behind.outputs[0])
        found = _repeat_of(graph, second)
        if found is not None and second is not None and rows.block % found.block == 0:
            columns, last, gone = found, second, (op, behind)
    height = graph.tensors[source].elements // rows.block
    width = rows.block // columns.block
    if last is op:
        width, columns, rows = 1, rows, _Repeat(1, rows.block)
    size = (height * rows.times, width * columns.times)
    graph, made = _resize(graph, last, (source, (1, height, width, columns.block)), size)
    graph = with_ops(graph, {id(part): None for part in gone})
    ops = (part for o in graph.ops for part in (made if o is last else (o,)))
    return replace(graph, ops=tuple(ops))


def _resize(
    graph: Graph, op: Op, image: tuple[int, tuple[int, ...]], size: tuple[int, int]
) -> tuple[Graph, tuple[Op, ...]]:
    """Ops that write what ``op`` writes: a tensor seen as an image, resized, and seen as before."""
    source, shape = image
    result = op.outputs[0]
    given, larger = f"{op.name}/image", f"{op.name}/resized"
    graph = with_constant(graph, f"{op.name}/size", np.array(size, np.int32))
    first = len(graph.tensors)
    between = (
        Tensor(given, FLOAT32, shape),
        Tensor(larger, FLOAT32, (1, *size, shape[3])),
    )
    graph = replace(graph, tensors=(*graph.tensors, *between))
    nearest = replace(options_of(RESIZE_NEAREST_NEIGHBOR), version=2)
    resize = Op(RESIZE_NEAREST_NEIGHBOR, larger, (first, first - 1), (first + 1,), nearest)
    graph, to_image = _reshape(graph, source, first)
    graph, to_result = _reshape(graph, first + 1, result)
    return graph, (to_image, resize, to_result)


def _reshape(graph: Graph, source: int, result: int) -> tuple[Graph, Op]:
    made = graph.tensors[result]
    graph = with_constant(graph, f"{made.name}/shape", np.array(made.shape, np.int32))
    held = options_of(RESHAPE, NewShape=made.shape)
    return graph, Op(RESHAPE, made.name, (source, len(graph.tensors) - 1), (result,), held)


def _joined(graph: Graph, op: Op) -> Graph:
    """CONCATENATION of a value with itself, once for each axis that a TILE repeats."""
    times = integers(graph.tensors[op.inputs[1]])
    value = graph.tensors[op.inputs[0]]
    if value.dtype != FLOAT32 or value.is_constant or times is None:
        return graph
    axes = [axis for axis, count in enumerate(times) if count != 1]
    if not axes or any(not 1 < times[axis] <= _MAX_COPIES for axis in axes):
        return graph
    shape, source = list(value.shape), op.inputs[0]
    made = []
    for axis in axes:
        shape[axis] *= times[axis]
        result = op.outputs[0]
        if axis != axes[-1]:
            part = Tensor(f"{op.name}/axis_{axis}", FLOAT32, tuple(shape))
            graph = replace(graph, tensors=(*graph.tensors, part))
            result = len(graph.tensors) - 1
        held = options_of(CONCATENATION, Axis=axis)
        name = graph.tensors[result].name
        made.append(Op(CONCATENATION, name, (source,) * times[axis], (result,), held))
        source = result
    ops = (part for o in graph.ops for part in (made if o is op else (o,)))
    return replace(graph, ops=tuple(ops))


def _negated(graph: Graph, op: Op) -> Graph:
    graph = with_constant(graph, f"{op.name}/minus_one", np.array(-1, np.float32))
    product = replace(
        op,
        kind=MUL,
        inputs=(op.inputs[0], len(graph.tensors) - 1),
        attrs=replace(options_of(MUL), version=2),
    )
    return with_ops(graph, {id(op): product})
