"""A graph that is being rewritten, and the order of axes that each of its values has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from tinyml.convert.builder import GraphBuilder
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


def flat_positions(shape: tuple[int, ...], order: tuple[int, ...]) -> Array:
    """Which element of the flattened value lies at each place of the flattened tensor."""
    sizes = [shape[order.index(axis)] for axis in range(len(order))]
    positions: Array = np.arange(prod(sizes)).reshape(sizes).transpose(order).ravel()
    return positions
