"""What fix-ups have in common: adding constants and values, putting ops in the place of one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from tinyml.convert.tables import options_of
from tinyml.ir.dtype import FLOAT32, DType, dtype_of
from tinyml.ir.graph import Array, Graph, Op, Quant, Tensor
from tinyml.ops.layout import RESHAPE


def with_constant(graph: Graph, name: str, data: Array, quant: Quant | None = None) -> Graph:
    """The graph with one more constant: its last tensor."""
    held = np.array(data)
    held.flags.writeable = False
    tensor = Tensor(name, dtype_of(held.dtype), held.shape, quant, held)
    return replace(graph, tensors=(*graph.tensors, tensor))


def with_value(
    graph: Graph, name: str, shape: tuple[int, ...], dtype: DType = FLOAT32
) -> tuple[Graph, int]:
    """The graph with one more value, and the index of it."""
    tensor = Tensor(name, dtype, shape)
    return replace(graph, tensors=(*graph.tensors, tensor)), len(graph.tensors)


def with_replaced(graph: Graph, op: Op, made: Iterable[Op]) -> Graph:
    """The graph with other ops in the place of one."""
    held = tuple(made)
    ops = (part for each in graph.ops for part in (held if each is op else (each,)))
    return replace(graph, ops=tuple(ops))


def integers(tensor: Tensor | None) -> tuple[int, ...] | None:
    """The values of a constant vector of integers; None for anything else."""
    if tensor is None or tensor.data is None:
        return None
    return tuple(int(value) for value in np.reshape(tensor.data, -1))


def are_constant(graph: Graph, indices: Iterable[int]) -> bool:
    """Whether all tensors (absent ones aside) have a value."""
    return all(i < 0 or graph.tensors[i].is_constant for i in indices)


class Chain:
    """Operators that take the place of one, each on the result of the one before."""

    def __init__(self, graph: Graph, op: Op) -> None:
        self.graph, self.op = graph, op
        self.made: list[Op] = []

    def shape(self, value: int) -> tuple[int, ...]:
        """The shape of a value."""
        return self.graph.tensors[value].shape

    def constant(self, data: Array) -> int:
        """One more operand."""
        name = f"{self.op.name}/c{len(self.made)}"
        self.graph = with_constant(self.graph, name, data)
        return len(self.graph.tensors) - 1

    def add(
        self,
        kind: str,
        inputs: tuple[int, ...],
        shape: tuple[int, ...],
        dtype: DType = FLOAT32,
        **fields: int,
    ) -> int:
        """One more operator; returns its result."""
        name = f"{self.op.name}/{kind.lower()}_{len(self.made)}"
        self.graph, result = with_value(self.graph, name, shape, dtype)
        self.made.append(Op(kind, name, inputs, (result,), options_of(kind, **fields)))
        return result

    def reshape(self, value: int, shape: tuple[int, ...], dtype: DType = FLOAT32) -> int:
        """The value in another shape."""
        sizes = self.constant(np.array(shape, np.int32))
        result = self.add(RESHAPE, (value, sizes), shape, dtype)
        last = self.made[-1]
        self.made[-1] = replace(last, attrs=last.attrs.having(NewShape=shape))
        return result

    def closed(self) -> Graph:
        """The graph in which the last one writes what the old operator wrote."""
        self.made[-1] = replace(self.made[-1], name=self.op.name, outputs=self.op.outputs)
        return with_replaced(self.graph, self.op, self.made)
