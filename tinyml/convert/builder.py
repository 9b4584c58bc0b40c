"""Builds a float graph tensor by tensor; what nobody reads in the end is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from tinyml.convert.tables import options_of
from tinyml.ir.dtype import FLOAT32, DType, dtype_of
from tinyml.ir.graph import Array, Graph, Op, Quant, Source, Tensor
from tinyml.model.options import Options, Value
from tinyml.ops.layout import RESHAPE
from tinyml.ops.transpose import TRANSPOSE


class GraphBuilder:
    """The tensors and ops of a graph that is being made; tensors are named by index."""

    def __init__(self, tensors: Sequence[Tensor] = ()) -> None:
        self.tensors: list[Tensor] = list(tensors)
        self.ops: list[Op] = []
        self._reshaped: dict[int, int] = {}  # result of a RESHAPE: what it reshaped

    def shape(self, index: int) -> tuple[int, ...]:
        """The shape of a tensor."""
        return self.tensors[index].shape

    def tensor(self, name: str, shape: Sequence[int], dtype: DType = FLOAT32) -> int:
        """A new value that an op or the caller gives."""
        self.tensors.append(Tensor(name, dtype, tuple(int(size) for size in shape)))
        return len(self.tensors) - 1

    def constant(self, name: str, data: Array) -> int:
        """A new constant."""
        held = np.ascontiguousarray(data).reshape(np.shape(data))
        held.flags.writeable = False
        self.tensors.append(Tensor(name, dtype_of(held.dtype), tuple(held.shape), None, held))
        return len(self.tensors) - 1

    def integers(self, name: str, values: Sequence[int]) -> int:
        """A new int32 vector."""
        return self.constant(name, np.array(values, np.int32))

    def op(
        self,
        kind: str,
        inputs: Sequence[int],
        shape: Sequence[int],
        name: str,
        **fields: Value,
    ) -> int:
        """A new op with one result, of the first input's type; returns the result."""
        held = options_of(kind, **fields)
        result = self.tensor(name, shape, self.tensors[inputs[0]].dtype)
        self.ops.append(Op(kind, name, tuple(inputs), (result,), held))
        return result

    def again(self, op: Op, inputs: Sequence[int], shapes: Sequence[Sequence[int]]) -> list[int]:
        """An op of another graph on new inputs, with new result shapes and the old names."""
        old = [self.tensors[index] for index in op.outputs]
        results = []
        for tensor, shape in zip(old, shapes, strict=True):
            results.append(self.tensor(tensor.name, shape, tensor.dtype))
            self.tensors[-1] = replace(self.tensors[-1], quant=tensor.quant)
        self.ops.append(replace(op, inputs=tuple(inputs), outputs=tuple(results)))
        return results

    def rename(self, index: int, name: str) -> None:
        """Gives a tensor another name."""
        self.tensors[index] = replace(self.tensors[index], name=name)

    def retype(self, index: int, dtype: DType, quant: Quant | None = None) -> None:
        """Gives a tensor another type and scale."""
        self.tensors[index] = replace(self.tensors[index], dtype=dtype, quant=quant)

    def before_reshape(self, index: int) -> int:
        """The tensor that a RESHAPE made this one of, or itself."""
        while index in self._reshaped:
            index = self._reshaped[index]
        return index

    def reshape(self, index: int, shape: Sequence[int]) -> int:
        """The value in another shape; through no op where that is possible."""
        wanted = tuple(int(size) for size in shape)
        assert prod(wanted) == prod(self.shape(index)), (wanted, self.shape(index))
        while index in self._reshaped and self.shape(index) != wanted:
            index = self._reshaped[index]
        tensor = self.tensors[index]
        if tensor.shape == wanted:
            return index
        if tensor.data is not None:
            return self.constant(tensor.name, tensor.data.reshape(wanted))
        sizes = self.integers(f"{tensor.name}/shape", wanted)
        result = self.op(RESHAPE, (index, sizes), wanted, f"{tensor.name}/reshape", NewShape=wanted)
        self._reshaped[result] = index
        return result

    def transpose(self, index: int, order: Sequence[int]) -> int:
        """The value with axis k of the result being axis order[k] of it.

        Through a RESHAPE when only dimensions of one element move, through no op when none does.
        """
        tensor = self.tensors[index]
        shape = tuple(tensor.shape[axis] for axis in order)
        if moves_nothing(tensor.shape, order):
            return self.reshape(index, shape)
        if tensor.data is not None:
            return self.constant(tensor.name, np.transpose(tensor.data, order))
        sizes = self.integers(f"{tensor.name}/order", order)
        return self.op(TRANSPOSE, (index, sizes), shape, f"{tensor.name}/transpose")

    def graph(
        self, name: str, source: Source, inputs: Sequence[int], outputs: Sequence[int]
    ) -> Graph:
        """The finished graph, without ops and tensors that no output needs."""
        needed = set(outputs) | set(inputs)
        ops: list[Op] = []
        for op in reversed(self.ops):
            if needed & set(op.outputs):
                ops.append(op)
                needed |= set(op.inputs) | set(op.outputs) | set(_between(op))
        ops.reverse()
        kept = [i for i in range(len(self.tensors)) if i in needed]
        place = {old: new for new, old in enumerate(kept)} | {-1: -1}

        def moved(indices: Sequence[int]) -> tuple[int, ...]:
            return tuple(place[i] for i in indices)

        return Graph(
            name,
            source,
            tuple(self.tensors[i] for i in kept),
            tuple(
                _renumbered(op, moved(op.inputs), moved(op.outputs), moved(_between(op)))
                for op in ops
            ),
            moved(inputs),
            moved(outputs),
        )


def moves_nothing(shape: Sequence[int], order: Sequence[int]) -> bool:
    """Whether a transposition leaves all elements where they are in memory."""
    axes = [axis for axis in order if shape[axis] != 1]
    return axes == sorted(axes)


def _between(op: Op) -> tuple[int, ...]:
    return tuple(op.attrs.intermediates) if isinstance(op.attrs, Options) else ()


def _renumbered(
    op: Op, inputs: tuple[int, ...], outputs: tuple[int, ...], between: tuple[int, ...]
) -> Op:
    attrs = replace(op.attrs, intermediates=between) if between else op.attrs
    return replace(op, inputs=inputs, outputs=outputs, attrs=attrs)
