"""What random layers of one op are made of: tensors with extreme zero points, and the op around."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tests.support.models.small_graphs import SOURCE
from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT8, INT16
from tinyml.ir.graph import Array, Graph, Op, Quant, Tensor
from tinyml.model.support import unmet
from tinyml.ops import spec_of

Rng = np.random.Generator

IN_SCALE = 0.02
RANGES = ("NONE", "RELU", "RELU", "RELU6", "RELU_N1_TO_1")


def activations(name: str, shape: tuple[int, ...], rng: Rng, scale: float = IN_SCALE) -> Tensor:
    """A tensor that is computed at run time."""
    zero_point = int(rng.choice((-128, 127, 0, int(rng.integers(-128, 128)))))
    return Tensor(name, INT8, shape, Quant((float(np.float32(scale)),), (zero_point,)))


def wide_values(name: str, shape: tuple[int, ...], scale: float) -> Tensor:
    """A tensor of int16 values that is computed at run time; its zero point is 0."""
    return Tensor(name, INT16, shape, Quant((float(np.float32(scale)),), (0,)))


def three_vectors(rng: Rng, graph: Graph) -> tuple[tuple[Array, ...], ...]:
    """Inputs of a graph: random, extreme, constant."""

    def made(tensor: Tensor, kind: int) -> Array:
        low, high = tensor.dtype.limits
        values = (
            lambda: rng.integers(low, high + 1, tensor.shape),
            lambda: np.where(rng.random(tensor.shape) < 0.5, low, high),
            lambda: np.full(tensor.shape, rng.choice((low, high))),
        )
        return np.asarray(values[kind](), tensor.dtype.numpy)

    tensors = [graph.tensors[i] for i in graph.inputs]
    return tuple(tuple(made(tensor, kind) for tensor in tensors) for kind in range(3))


def output(rng: Rng, scale: float, activation: str) -> Tensor:
    """An output; with an activation its zero point is the lowest value more often than not."""
    made = activations("y", (), rng, scale)
    assert made.quant is not None
    if activation != "NONE" and rng.random() < 0.7:
        return replace(made, quant=replace(made.quant, zero_points=(-128,)))
    return made


def one_op(
    kind: str,
    attrs: Any,
    operands: tuple[Tensor, ...],
    made: Tensor,
    inputs: tuple[int, ...] = (0,),
) -> Graph:
    """A graph of one op whose output has no shape yet."""
    count = len(operands)
    op = Op(kind, kind.lower(), tuple(range(count)), (count,), attrs)
    return Graph("g", SOURCE, (*operands, made), (op,), inputs, (count,))


def supported(name: str, make: Callable[[], Graph]) -> Graph:
    """The first graph of one op that is supported, its output's shape filled in."""
    while True:
        graph = replace(make(), name=name)
        op, spec = graph.ops[0], spec_of(graph.ops[0].kind)
        try:
            (shape,) = spec.infer(op, graph)
        except ModelError:
            continue
        tensors = (*graph.tensors[:-1], replace(graph.tensors[-1], shape=shape))
        graph = replace(graph, tensors=tensors)
        if not any(unmet(op, graph)):
            return graph
