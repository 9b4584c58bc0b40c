"""Concatenations of more parts than kernels take, as concatenations of concatenations."""

from __future__ import annotations

from dataclasses import replace

from tinyml.convert.fixups.edit import with_replaced, with_value
from tinyml.ir.graph import Graph, Op
from tinyml.ops.layout import MAX_PARTS
from tinyml.passes.rewrite import moves


def split_concatenations(graph: Graph) -> Graph:
    """CONCATENATION of at most ten parts each; all have one scale, so nothing is rounded again."""
    for op in graph.ops:
        if moves(op, "join") and len(op.inputs) > MAX_PARTS:
            graph = _split(graph, op)
    return graph


def _split(graph: Graph, op: Op) -> Graph:
    result = graph.tensors[op.outputs[0]]
    axis = op.attrs.get("Axis") % len(result.shape)
    made: list[Op] = []
    parts = list(op.inputs)
    inner = replace(op.attrs, values=op.attrs.having(FusedActivationFunction=0).values)
    while len(parts) > MAX_PARTS:
        joined: list[int] = []
        for first in range(0, len(parts), MAX_PARTS):
            some = tuple(parts[first : first + MAX_PARTS])
            if len(some) == 1:
                joined += some
                continue
            sizes = list(result.shape)
            sizes[axis] = sum(graph.tensors[i].shape[axis] for i in some)
            name = f"{op.name}/part_{len(made)}"
            graph, part = with_value(graph, name, tuple(sizes), result.dtype)
            made.append(Op(op.kind, name, some, (part,), inner))
            joined.append(part)
        parts = joined
    made.append(replace(op, inputs=tuple(parts)))
    return with_replaced(graph, op, tuple(made))
