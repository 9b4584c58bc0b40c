"""Operators without a kernel of their own become those that stand for them."""

from __future__ import annotations

from dataclasses import replace

from tinyml import ops
from tinyml.ir.graph import Graph, Op


def expand_ops(graph: Graph) -> Graph:
    """Puts the ops in place that an operator's ``expand`` gives, again and again, until none does.

    New tensors come after those that there are: the numbers of the others do not change.
    """
    expanded: list[Op] = []
    todo = list(reversed(graph.ops))
    while todo:
        op = todo.pop()
        spec = ops.spec_of(op.kind)
        found = spec.expand(op, graph) if spec.expand is not None else None
        if found is None:
            expanded.append(op)
            continue
        graph = replace(graph, tensors=(*graph.tensors, *found.tensors))
        todo += reversed(found.ops)
    return replace(graph, ops=tuple(expanded))
