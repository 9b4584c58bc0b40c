"""Shapes that a model computes as it runs, where the file says what they are.

Converters turn a reshape with a free batch size into SHAPE, STRIDED_SLICE and PACK in front of a
RESHAPE. In a model of fixed shapes all that is known: the declared shape of the result.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.ir.graph import Graph, Op, Tensor

_SHAPES = {"RESHAPE": 1, "TRANSPOSE_CONV": 0}  # operand that is the shape of the result


def know_shapes(graph: Graph) -> Graph:
    """The graph with computed shapes as constants, without the ops that only led to them."""
    tensors = list(graph.tensors)
    changed: list[Op] = []
    for op in graph.ops:
        position = _SHAPES.get(op.kind, -1)
        if position < 0 or position >= len(op.inputs) or len(op.outputs) != 1:
            changed.append(op)
            continue
        computed = op.inputs[position]
        if computed < 0 or tensors[computed].is_constant or tensors[computed].dtype != "int32":
            changed.append(op)
            continue
        inputs = list(op.inputs)
        inputs[position] = len(tensors)
        tensors.append(_constant(tensors[computed].name, graph.tensors[op.outputs[0]].shape))
        changed.append(replace(op, inputs=tuple(inputs)))
    if len(tensors) == len(graph.tensors):
        return graph
    return replace(graph, tensors=tuple(tensors), ops=_still_read(graph, tuple(changed)))


def _constant(name: str, shape: tuple[int, ...]) -> Tensor:
    data = np.array(shape, np.int32)
    data.setflags(write=False)
    return Tensor(name, "int32", data.shape, None, data)


def _still_read(graph: Graph, changed: tuple[Op, ...]) -> tuple[Op, ...]:
    """The ops without those whose results had a reader before and have none any more."""
    read_before = {i for op in graph.ops for i in op.inputs}
    read = set(graph.outputs)
    kept = []
    for op in reversed(changed):
        if read.isdisjoint(op.outputs) and not read_before.isdisjoint(op.outputs):
            continue
        read.update(op.inputs)
        kept.append(op)
    return tuple(reversed(kept))
