"""Removes transpositions: every value is kept in the order of axes in which it was made.

Frameworks that put channels first come with a TRANSPOSE around every convolution. This pass walks
through a graph once and performs none of them. It remembers instead how the axes of each value are
ordered, lets operators work on the value as it lies (their axes, paddings and constants are
re-ordered here, once), and transposes only where an operator cannot. A flattened image keeps its
order too: the weights of the layer behind it are permuted. For a plain CNN nothing remains.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from tinyml.convert.builder import GraphBuilder, moves_nothing
from tinyml.convert.names import with_unique_names
from tinyml.ir.graph import Array, Graph, Op


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the old graph and how the new graph holds it."""

    tensor: int  # in the new graph
    order: tuple[int, ...]  # axis k of the tensor is axis order[k] of the value
    # Of a flattened value: shape of the tensor before, and its order; the tensor is [1.., N].
    flat: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    @property
    def is_plain(self) -> bool:
        """Whether tensor and value are the same."""
        return self.flat is None and self.order == tuple(range(len(self.order)))


Rule = Callable[["Layout", Op], "tuple[Value, ...] | None"]  # None: this op must be plain


class Layout:
    """The state of the walk: the new graph, and the value of each old tensor in it."""

    def __init__(self, graph: Graph) -> None:
        self.old = graph
        self.new = GraphBuilder(graph.tensors)  # old tensors keep their index
        self.values: dict[int, Value] = {}

    def value(self, index: int) -> Value:
        """How the new graph holds a tensor of the old one."""
        plain = tuple(range(len(self.old.tensors[index].shape)))
        return self.values.get(index, Value(index, plain))

    def shape(self, index: int) -> tuple[int, ...]:
        """The shape of a tensor of the old graph."""
        return self.old.tensors[index].shape

    def data(self, index: int) -> Array | None:
        """The value of a constant of the old graph."""
        return self.old.tensors[index].data

    def bring(self, index: int, order: Sequence[int] | None = None) -> int:
        """The tensor that holds an old one in the given order of axes, by default its own."""
        value = self.value(index)
        wanted = tuple(order or range(len(self.shape(index))))
        tensor = value.tensor
        if value.flat is not None:
            shape, flat_order = value.flat
            image = self.new.reshape(tensor, shape)
            inverse = [flat_order.index(axis) for axis in range(len(flat_order))]
            plain = self.new.reshape(self.new.transpose(image, inverse), self.shape(index))
            return self.new.transpose(plain, wanted)
        return self.new.transpose(tensor, [value.order.index(axis) for axis in wanted])

    def made(self, op: Op, inputs: Sequence[int], orders: Sequence[Sequence[int]]) -> list[Value]:
        """The op in the new graph, its results in the given orders of axes."""
        shapes = [
            tuple(self.shape(index)[axis] for axis in order)
            for index, order in zip(op.outputs, orders, strict=True)
        ]
        results = self.new.again(op, inputs, shapes)
        return [Value(i, tuple(order)) for i, order in zip(results, orders, strict=True)]


def keep_layouts(graph: Graph) -> Graph:
    """The graph with as few transpositions as the walk leaves; its results are the same."""
    from tinyml.convert.layout_rules import RULES

    layout = Layout(graph)
    for op in graph.ops:
        rule = RULES.get(op.kind)
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


def flat_positions(shape: tuple[int, ...], order: tuple[int, ...]) -> Array:
    """Which element of the flattened value lies at each place of the flattened tensor."""
    sizes = [shape[order.index(axis)] for axis in range(len(order))]
    positions: Array = np.arange(prod(sizes)).reshape(sizes).transpose(order).ravel()
    return positions


__all__ = ["Layout", "Rule", "Value", "flat_positions", "keep_layouts", "moves_nothing"]
