"""The rows of tests/ops to ask of traits: the same op on other values, or a little changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tests.support.models.cases import case_paths, load_cases
from tinyml.base.errors import TinymlError
from tinyml.ir.graph import Array, Graph, Op, Quant, Tensor
from tinyml.model.arithmetic import float_ops
from tinyml.model.support import check_shapes, check_supported
from tinyml.ops import all_ops, trait_of
from tinyml.ops.reference import outputs

KINDS = tuple(sorted(all_ops()))


@dataclass(frozen=True, slots=True)
class Row:
    """One op, and values for its inputs."""

    name: str
    graph: Graph
    values: tuple[Array, ...]

    @property
    def op(self) -> Op:
        return self.graph.ops[0]

    @property
    def made(self) -> Tensor:
        return self.graph.tensors[self.op.outputs[0]]

    def operand(self, position: int) -> Tensor:
        return self.graph.tensors[self.op.inputs[position]]

    def value(self, position: int = 0) -> Array:
        """What an operand holds: constant, or fed."""
        i = self.op.inputs[position]
        data = self.graph.tensors[i].data
        return self.values[self.graph.inputs.index(i)] if data is None else data

    def feed(self, position: int, value: Array) -> Row:
        """The row with another value for an operand; its shape and type become the value's."""
        i = self.op.inputs[position]
        tensors = list(self.graph.tensors)
        held = np.ascontiguousarray(value).reshape(value.shape)
        is_constant = tensors[i].data is not None
        data = held if is_constant else None
        if data is not None:
            data.setflags(write=False)
        tensors[i] = replace(tensors[i], shape=held.shape, data=data)
        graph = replace(self.graph, tensors=tuple(tensors))
        if is_constant:
            return replace(self, graph=graph)
        k = graph.inputs.index(i)
        return replace(self, graph=graph, values=(*self.values[:k], held, *self.values[k + 1 :]))

    def having(self, **attrs: Any) -> Row:
        """The row with other options."""
        op = replace(self.op, attrs=replace(self.op.attrs, **attrs))
        return replace(self, graph=replace(self.graph, ops=(op,)))

    def quantised(self, i: int, quant: Quant) -> Row:
        """The row in which a tensor has another quantisation."""
        tensors = list(self.graph.tensors)
        tensors[i] = replace(tensors[i], quant=quant)
        return replace(self, graph=replace(self.graph, tensors=tuple(tensors)))

    def inferred(self) -> Row:
        """The row whose results have the shapes that follow from its operands."""
        return self.making(*all_ops()[self.op.kind].infer(self.op, self.graph))

    def making(self, *shapes: tuple[int, ...]) -> Row:
        """The row whose results have other shapes."""
        tensors = list(self.graph.tensors)
        for i, shape in zip(self.op.outputs, shapes, strict=True):
            tensors[i] = replace(tensors[i], shape=shape)
        return replace(self, graph=replace(self.graph, tensors=tuple(tensors)))

    def run(self) -> Array:
        """The first output."""
        return outputs(self.graph, self.values)[0]

    def is_refused(self) -> bool:
        """Whether a model file with this op would not be read."""
        try:
            check_supported(self.graph)
            check_shapes(self.graph)
        except TinymlError:
            return True
        return False


def rows_of(kind: str) -> list[Row]:
    """All rows of an operator, with random values in the place of the first of each.

    Without those that compute in floats, where there are others: what traits promise of scales,
    ranges and sums in any order is of integers, and passes ask for those.
    """
    (path,) = (path for path in case_paths() if path.stem == kind.lower())
    cases = load_cases(path).cases
    counted = [case for case in cases if not float_ops(case.graph)]
    return [Row(case.name, case.graph, case.vectors[0]) for case in counted or cases]


def declared(trait: type) -> list[str]:
    """The operators that declare a trait and have rows."""
    return [kind for kind in KINDS if trait_of(kind, trait) is not None]


def holds_for(kind: str, check: Callable[[Row], bool | None]) -> None:
    """Each row passes the check, and at least one was asked; None stands for "does not apply"."""
    found = {row.name: check(row) for row in rows_of(kind)}
    wrong = [name for name, is_right in found.items() if is_right is False]
    assert not wrong, f"{kind}: {wrong}"
    assert any(is_right is not None for is_right in found.values()), f"{kind}: no row applies"


def random_like(value: Array, seed: int = 0) -> Array:
    """Other values of the same type and shape."""
    rng = np.random.default_rng(seed)
    if value.dtype.kind == "f":
        return rng.normal(size=value.shape).astype(value.dtype)
    if value.dtype.kind == "b":
        return rng.integers(0, 2, value.shape).astype(value.dtype)
    info = np.iinfo(value.dtype)
    return rng.integers(info.min, info.max, value.shape, value.dtype, endpoint=True)


def real(value: Array, tensor: Tensor) -> Array:
    """The real numbers that quantised ones stand for."""
    if tensor.quant is None:
        return value.astype(np.float64)
    return (value.astype(np.float64) - tensor.quant.zero_point) * tensor.quant.scale
