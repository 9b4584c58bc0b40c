"""Numbers of classes and of intervals, which have no kernels, by comparisons, which have."""

from __future__ import annotations

import numpy as np

from tinyml.convert.fixups.edit import Chain
from tinyml.ir.dtype import BOOL, FLOAT32, INT32
from tinyml.ir.graph import Graph, Op
from tinyml.ops.cast import CAST
from tinyml.ops.elementwise import ADD
from tinyml.ops.equal import EQUAL, GREATER_EQUAL
from tinyml.ops.others import BUCKETIZE, ONE_HOT
from tinyml.ops.select import SELECT_V2

_MOST = 64  # intervals


def as_comparisons(graph: Graph) -> Graph:
    """EQUAL and SELECT_V2 for ONE_HOT along the last axis; sums of GREATER_EQUAL for BUCKETIZE."""
    for op in graph.ops:
        if op.kind == ONE_HOT:
            graph = _one_hot(graph, op)
        elif op.kind == BUCKETIZE:
            graph = _counted(graph, op)
    return graph


def _one_hot(graph: Graph, op: Op) -> Graph:
    numbers, depth = (graph.tensors[i] for i in op.inputs[:2])
    made, rank = graph.tensors[op.outputs[0]], len(numbers.shape)
    is_last = int(op.attrs.get("Axis")) in (-1, rank)
    if not is_last or depth.data is None or (numbers.dtype, made.dtype) != (INT32, FLOAT32):
        return graph
    chain = Chain(graph, op)
    column = chain.reshape(op.inputs[0], (*numbers.shape, 1), INT32)
    each = chain.constant(np.arange(made.shape[-1], dtype=np.int32))
    is_it = chain.add(EQUAL, (column, each), made.shape, BOOL)
    chain.add(SELECT_V2, (is_it, *op.inputs[2:]), made.shape)
    return chain.closed()


def _counted(graph: Graph, op: Op) -> Graph:
    """The number of an interval: how many bounds the value is not below."""
    bounds = op.attrs.get("Boundaries")
    value, shape = op.inputs[0], graph.tensors[op.inputs[0]].shape
    if graph.tensors[value].dtype != FLOAT32 or not 0 < len(bounds) <= _MOST:
        return graph
    chain, total = Chain(graph, op), -1
    types = {"InDataType": BOOL.tflite, "OutDataType": INT32.tflite}
    for number, bound in enumerate(bounds):
        held = chain.constant(np.array(bound, np.float32))
        is_there = chain.add(GREATER_EQUAL, (value, held), shape, BOOL)
        one = chain.add(CAST, (is_there,), shape, INT32, **types)
        total = chain.add(ADD, (total, one), shape, INT32) if number else one
    return chain.closed()
