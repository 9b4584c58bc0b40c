"""Removes transpositions: every value is kept in the order of axes in which it was made.

Frameworks that put channels first come with a TRANSPOSE around every convolution. This pass walks
through a graph once and performs none of them. It remembers instead how the axes of each value are
ordered, lets operators work on the value as it lies (their axes, paddings and constants are
re-ordered here, once), and transposes only where an operator cannot. A flattened image keeps its
order too: the weights of the layer behind it are permuted. For a plain CNN nothing remains.
"""

from __future__ import annotations

from tinyml.convert.layout_rules import rule_of
from tinyml.convert.layout_values import Layout
from tinyml.convert.names import with_unique_names
from tinyml.ir.graph import Graph


def keep_layouts(graph: Graph) -> Graph:
    """The graph with as few transpositions as the walk leaves; its results are the same."""
    layout = Layout(graph)
    for op in graph.ops:
        rule = rule_of(op.kind)
        values = rule(layout, op) if rule is not None else None
        if values is None:
            inputs = [layout.bring(i) if i >= 0 else -1 for i in op.inputs]
            plain = [tuple(range(len(layout.shape(i)))) for i in op.outputs]
            values = tuple(layout.made(op, inputs, plain))
        layout.values.update(zip(op.outputs, values, strict=True))
    outputs = [layout.bring(index) for index in graph.outputs]
    for old, new in zip(graph.outputs, outputs, strict=True):
        layout.new.rename(new, graph.tensors[old].name)
    made = layout.new.graph(graph.name, graph.source, graph.inputs, outputs)
    return with_unique_names(made)  # a transposed output has the name of what it was made of
