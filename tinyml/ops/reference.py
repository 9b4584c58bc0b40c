"""The whole model in integer arithmetic: what every other way of running it must equal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.graph import Array, Graph, Tensor
from tinyml.ops import form_of
from tinyml.ops.forms import Form

States = Mapping[int, Array]  # values of variables by their tensors


def run(
    graph: Graph, inputs: Sequence[Array], states: States | None = None
) -> tuple[Array | None, ...]:
    """The values of all tensors for one inference; None for tensors that nothing computes.

    Variables begin with ``states``, those left out with the values that they have after a reset.
    Raises ModelError when ``inputs`` are not the graph's inputs in number, shape and dtype,
    or when an op has no form for its types.
    """
    return advance(graph, inputs, states or {})[0]


def runner(graph: Graph) -> Callable[[Sequence[Array]], tuple[Array | None, ...]]:
    """``run`` for many inferences of one graph, whose forms are looked up once."""
    forms = tuple(form_of(op, graph) for op in graph.ops)
    return lambda inputs: _advanced(graph, forms, inputs, {})[0]


def advance(
    graph: Graph, inputs: Sequence[Array], states: States
) -> tuple[tuple[Array | None, ...], dict[int, Array]]:
    """The values of all tensors as ``run`` gives them, and what the next inference begins with."""
    return _advanced(graph, (form_of(op, graph) for op in graph.ops), inputs, states)


def _advanced(
    graph: Graph, forms: Iterable[Form], inputs: Sequence[Array], states: States
) -> tuple[tuple[Array | None, ...], dict[int, Array]]:
    values = _begun(graph, inputs)
    for i in graph.variables:
        values[i] = states[i] if i in states else reset_value(graph.tensors[i])
    after = {i: value for i in graph.variables if (value := values[i]) is not None}
    for op, form in zip(graph.ops, forms, strict=True):
        operands = [values[i] if i >= 0 else None for i in op.inputs]
        results = form.reference(op, graph, operands)
        if form.states is not None:
            for position, value in form.states(op, graph, operands).items():
                after[op.inputs[position]] = values[op.inputs[position]] = value
        for i, result in zip(op.outputs, results, strict=True):
            values[i] = result
    for item in graph.carried:
        last = values[item.last]
        assert last is not None
        after[item.first] = last
    return tuple(values), after


def _begun(graph: Graph, inputs: Sequence[Array]) -> list[Array | None]:
    """The values before the first op."""
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
    return values


def reset_value(tensor: Tensor) -> Array:
    """The value of a variable after a reset."""
    if tensor.initial is not None:
        return tensor.initial
    return (
        np.full(tensor.nbytes, tensor.reset_byte, np.int8)
        .view(tensor.dtype.numpy)
        .reshape(tensor.shape)
    )


def outputs(
    graph: Graph, inputs: Sequence[Array], states: States | None = None
) -> tuple[Array, ...]:
    """The values of the model's outputs for one inference; raises ModelError like ``run``."""
    return _outputs(graph, run(graph, inputs, states))


def sequence(graph: Graph, samples: Iterable[Sequence[Array]]) -> tuple[tuple[Array, ...], ...]:
    """The outputs of inferences one after the other: of which each goes on where the last ended."""
    return tuple(_outputs(graph, values) for values in runs(graph, samples))


def expected(graph: Graph, samples: Iterable[Sequence[Array]]) -> Iterator[tuple[Array, ...]]:
    """The right outputs for samples: one sequence for a streaming model, else each by itself."""
    if graph.is_streaming:
        return (_outputs(graph, values) for values in runs(graph, samples))
    return (outputs(graph, sample) for sample in samples)


def runs(graph: Graph, samples: Iterable[Sequence[Array]]) -> Iterable[tuple[Array | None, ...]]:
    """The values of all tensors, as ``run`` gives them, in inferences one after the other."""
    states: States = {}
    for sample in samples:
        values, states = (
            advance(graph, sample, states)
            if graph.variables
            else (
                run(graph, sample),
                {},
            )
        )
        yield values


def states_after(graph: Graph, samples: Iterable[Sequence[Array]]) -> States:
    """What the inference after those samples begins with."""
    states: States = {}
    for sample in samples if graph.variables else ():
        states = advance(graph, sample, states)[1]
    return states


def _outputs(graph: Graph, values: Sequence[Array | None]) -> tuple[Array, ...]:
    found = tuple(values[i] for i in graph.outputs)
    return tuple(value for value in found if value is not None)
