"""The whole model in integer arithmetic: what every other way of running it must equal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.graph import Array, Graph, Tensor
from tinyml.ops import form_of


def run(graph: Graph, inputs: Sequence[Array]) -> tuple[Array | None, ...]:
    """The values of all tensors for one inference; None for tensors that nothing computes.

    Variables have the values that they have after a reset.
    Raises ModelError when ``inputs`` are not the graph's inputs in number, shape and dtype,
    or when an op has no form for its types.
    """
    values: list[Array | None] = [tensor.data for tensor in graph.tensors]
    if len(inputs) != len(graph.inputs):
        raise ModelError(f"the model has {len(graph.inputs)} inputs, {len(inputs)} were given")
    for i, value in zip(graph.inputs, inputs, strict=True):
        tensor = graph.tensors[i]
        if value.shape != tensor.shape or value.dtype != tensor.dtype.numpy:
            raise ModelError(
                f"input '{tensor.name}' is {tensor.dtype}{list(tensor.shape)}, "
                f"{value.dtype}{list(value.shape)} was given"
            )
        values[i] = value
    for i in graph.variables:
        values[i] = reset_value(graph.tensors[i])
    for op in graph.ops:
        operands = [values[i] if i >= 0 else None for i in op.inputs]
        results = form_of(op, graph).reference(op, graph, operands)
        for i, result in zip(op.outputs, results, strict=True):
            values[i] = result
    return tuple(values)


def reset_value(tensor: Tensor) -> Array:
    """The value of a variable after a reset."""
    return (
        np.full(tensor.nbytes, tensor.reset_byte, np.int8)
        .view(tensor.dtype.numpy)
        .reshape(tensor.shape)
    )


def outputs(graph: Graph, inputs: Sequence[Array]) -> tuple[Array, ...]:
    """The values of the model's outputs for one inference; raises ModelError like ``run``."""
    values = run(graph, inputs)
    found = tuple(values[i] for i in graph.outputs)
    return tuple(value for value in found if value is not None)
