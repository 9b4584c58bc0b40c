"""Transpositions that need not be: one for all operands of an operator, none for an order kept."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from tinyml.convert.fixups.edit import Chain, integers, with_constant, with_replaced, with_value
from tinyml.convert.tables import options_of
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph, Op
from tinyml.ops import trait_of
from tinyml.ops.layout import RESHAPE
from tinyml.ops.traits import Axes
from tinyml.ops.transpose import MAX_RANK, TRANSPOSE
from tinyml.passes.rewrite import maker, moves, repeated

_MOST = 1 << 20  # elements whose order is followed


def join_transposes(graph: Graph) -> Graph:
    """An operator by elements before the transposition that all its operands come from."""
    return repeated(graph, _joined)


def _joined(graph: Graph, op: Op) -> Graph | None:
    axes = trait_of(op.kind, Axes)
    values = [i for i in op.inputs if not graph.tensors[i].is_constant]
    if axes is None or axes.how != "broadcast" or len(set(values)) < 2 or len(op.outputs) != 1:
        return None
    result = graph.tensors[op.outputs[0]]
    if any(graph.tensors[i].elements != 1 for i in op.inputs if i not in values):
        return None
    before = [maker(graph, i) for i in values]
    first = before[0]
    orders = {
        integers(graph.tensors[b.inputs[1]]) if b and moves(b, "transpose") else None
        for b in before
    }
    order = orders.pop()
    if first is None or order is None or orders:
        return None
    if any(graph.tensors[i].shape != result.shape for i in values):
        return None
    sources = {i: b.inputs[0] for i, b in zip(values, before, strict=True) if b is not None}
    shape = tuple(result.shape[k] for k in np.argsort(order))
    graph, made = with_value(graph, f"{op.name}/in_order", shape, result.dtype)
    inputs = tuple(sources.get(i, i) for i in op.inputs)
    plain = replace(op, name=f"{op.name}/in_order", inputs=inputs, outputs=(made,))
    turned = replace(first, name=op.name, inputs=(made, first.inputs[1]), outputs=op.outputs)
    return with_replaced(graph, op, (plain, turned))


def drop_orders_kept(graph: Graph) -> Graph:
    """RESHAPE for transpositions and reshapes that together leave all elements in their order."""
    return repeated(graph, _kept)


def _kept(graph: Graph, op: Op) -> Graph | None:
    if not moves(op, "transpose") or graph.tensors[op.outputs[0]].elements > _MOST:
        return None
    chain = [op]
    while True:
        before = maker(graph, chain[0].inputs[0])
        if before is None or not (moves(before, "transpose") or moves(before, "view")):
            break
        chain.insert(0, before)
    for start, first in enumerate(chain):
        source = first.inputs[0]
        if start < len(chain) - 1 and _is_in_order(graph, chain[start:]):
            return _as_view(graph, op, source)
    return None


def _is_in_order(graph: Graph, chain: list[Op]) -> bool:
    numbers = np.arange(graph.tensors[chain[0].inputs[0]].elements)
    value = numbers.reshape(graph.tensors[chain[0].inputs[0]].shape)
    for op in chain:
        order = integers(graph.tensors[op.inputs[1]]) if moves(op, "transpose") else ()
        if order is None:
            return False
        value = value.transpose(order) if order else value
        value = value.reshape(graph.tensors[op.outputs[0]].shape)
    return bool(np.array_equal(value.ravel(), numbers))


def _as_view(graph: Graph, op: Op, source: int) -> Graph:
    shape = graph.tensors[op.outputs[0]].shape
    graph = with_constant(graph, f"{op.name}/shape", np.array(shape, np.int32))
    attrs = options_of(RESHAPE, NewShape=shape)
    view = Op(RESHAPE, op.name, (source, len(graph.tensors) - 1), op.outputs, attrs)
    return with_replaced(graph, op, (view,))


def merge_axes(graph: Graph) -> Graph:
    """Transpositions of more axes than kernels have, as ones of fewer, of which each is several."""
    for op in graph.ops:
        held = graph.tensors[op.inputs[0]] if moves(op, "transpose") else None
        if held is None or len(held.shape) <= MAX_RANK or held.dtype != FLOAT32:
            continue
        given, order = held.shape, integers(graph.tensors[op.inputs[1]])
        runs = [] if order is None else _runs([axis for axis in order if given[axis] != 1])
        if not 0 < len(runs) <= MAX_RANK:
            continue
        places = sorted(range(len(runs)), key=lambda k: runs[k][0])  # as they are in the input
        sizes = [prod(given[axis] for axis in run) for run in runs]
        chain = Chain(graph, op)
        value = chain.reshape(op.inputs[0], tuple(sizes[k] for k in places))
        operand = chain.constant(np.argsort(places).astype(np.int32))
        value = chain.add(TRANSPOSE, (value, operand), tuple(sizes))
        chain.reshape(value, graph.tensors[op.outputs[0]].shape)
        graph = chain.closed()
    return graph


def _runs(order: list[int]) -> list[list[int]]:
    """Axes that follow on one another, in front of and behind the transposition."""
    runs: list[list[int]] = []
    for axis in order:
        if runs and runs[-1][-1] + 1 == axis:
            runs[-1].append(axis)
        else:
            runs.append([axis])
    return runs
