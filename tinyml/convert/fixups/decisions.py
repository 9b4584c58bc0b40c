"""Operators on decisions (masks of padded steps) by those that kernels have for bool."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.convert.fixups.edit import Chain, with_replaced
from tinyml.convert.tables import options_of
from tinyml.ir.dtype import BOOL, FLOAT32
from tinyml.ir.graph import Graph, Op
from tinyml.ops import trait_of
from tinyml.ops.logical_not import LOGICAL_NOT
from tinyml.ops.others import REDUCE_ANY
from tinyml.ops.reduce_max import REDUCE_ALL
from tinyml.ops.select import SELECT_V2
from tinyml.ops.slice import STRIDED_SLICE
from tinyml.ops.split import UNPACK
from tinyml.ops.traits import Casts


def as_known_decisions(graph: Graph) -> Graph:
    """NOT of REDUCE_ALL for REDUCE_ANY, slices for UNPACK of bool, SELECT_V2 for CAST to float."""
    for op in graph.ops:
        if not op.inputs or graph.tensors[op.inputs[0]].dtype != BOOL:
            continue
        if op.kind == REDUCE_ANY:
            graph = _any(graph, op)
        elif op.kind == UNPACK:
            graph = _unpacked(graph, op)
        elif trait_of(op.kind, Casts) and graph.tensors[op.outputs[0]].dtype == FLOAT32:
            graph = _chosen(graph, op)
    return graph


def _any(graph: Graph, op: Op) -> Graph:
    """One is true: not all are false."""
    chain = Chain(graph, op)
    made = graph.tensors[op.outputs[0]].shape
    value = chain.add(LOGICAL_NOT, (op.inputs[0],), chain.shape(op.inputs[0]), dtype=BOOL)
    keeps = bool(op.attrs.get("KeepDims"))
    value = chain.add(REDUCE_ALL, (value, *op.inputs[1:]), made, dtype=BOOL, KeepDims=keeps)
    chain.add(LOGICAL_NOT, (value,), made, dtype=BOOL)
    return chain.closed()


def _unpacked(graph: Graph, op: Op) -> Graph:
    """Each part by a STRIDED_SLICE that drops the axis."""
    shape = graph.tensors[op.inputs[0]].shape
    axis = int(op.attrs.get("Axis")) % len(shape)
    made = []
    chain = Chain(graph, op)
    steps = chain.constant(np.ones(len(shape), np.int32))
    attrs = options_of(STRIDED_SLICE, ShrinkAxisMask=1 << axis)
    for number, result in enumerate(op.outputs):
        begin, end = np.zeros(len(shape), np.int32), np.array(shape, np.int32)
        begin[axis], end[axis] = number, number + 1
        operands = (op.inputs[0], chain.constant(begin), chain.constant(end), steps)
        made.append(
            replace(op, kind=STRIDED_SLICE, inputs=operands, outputs=(result,), attrs=attrs)
        )
    return with_replaced(chain.graph, op, made)


def _chosen(graph: Graph, op: Op) -> Graph:
    chain = Chain(graph, op)
    numbers = tuple(chain.constant(np.array(value, np.float32)) for value in (1, 0))
    chain.add(SELECT_V2, (op.inputs[0], *numbers), chain.shape(op.outputs[0]))
    return chain.closed()
