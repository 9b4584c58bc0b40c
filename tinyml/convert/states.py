"""State as inputs and outputs while a model is converted, as variables once it is written.

A model that keeps state from one call to the next is imported with each state as one more input,
behind the application's own, and the state's next value as one more output. So fix-ups, ranges and
reports meet nothing but values, and the samples are one sequence in their order: each begins with
the states that the one before ended with. What the converter writes has VAR_HANDLE, READ_VARIABLE
and ASSIGN_VARIABLE in the place of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinyml.base.errors import InternalError
from tinyml.convert import flatfile
from tinyml.convert.layers import Sample, as_fed
from tinyml.convert.ranges import Seen
from tinyml.convert.runners import Runner, Values, float_runner
from tinyml.convert.tables import options_of
from tinyml.convert.values import FloatModel
from tinyml.ir.dtype import RESOURCE
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.model.options import options
from tinyml.ops.control import HANDLE, TABLES
from tinyml.ops.variables import ASSIGN_VARIABLE, READ_VARIABLE


def with_states(model: FloatModel, samples: Sequence[Sample]) -> tuple[tuple[Array, ...], ...]:
    """The samples, each with the states that those before it leave; the first begins with zeros."""
    if not model.states:
        return tuple(map(tuple, samples))
    runner = float_runner(model.data)
    states = reset_states(runner.graph, model.states)
    found = []
    for sample in samples:
        found.append((*sample, *states))
        states = runner.outputs(found[-1])[-model.states :]
    return tuple(found)


def reset_states(graph: Graph, count: int) -> tuple[Array, ...]:
    """The states before the first inference, in float."""
    held = (graph.tensors[i] for i in graph.inputs[-count:])
    return tuple(np.zeros(tensor.shape, tensor.dtype.numpy) for tensor in held)


def following(runner: Runner, count: int) -> Runner:
    """A runner of a model with so many states that goes on from its own, not from the samples'."""
    if not count:
        return runner
    graph = runner.graph
    zeros = zip(graph.inputs[-count:], reset_states(graph, count), strict=True)
    held = [as_fed(graph.tensors[i], np.zeros(value.shape, np.float32)) for i, value in zeros]

    def run(inputs: Sequence[Array]) -> Values:
        values = runner.run((*inputs[:-count], *held))
        for number, i in enumerate(graph.outputs[-count:]):
            value = values[i]
            assert value is not None
            held[number] = value
        return values

    return replace(runner, run=run)


def pairs(graph: Graph, count: int) -> tuple[tuple[int, int], ...]:
    """The tensors of each state and of its next value."""
    if not count:
        return ()
    return tuple(zip(graph.inputs[-count:], graph.outputs[-count:], strict=True))


def with_common_ranges(seen: dict[int, Seen], graph: Graph, count: int) -> dict[int, Seen]:
    """The ranges, where a state and its next value have one together."""
    found = dict(seen)
    for before, after in pairs(graph, count):
        found[before] = found[after] = seen[before].joined(seen[after])
    return found


def as_variables(data: bytes, count: int) -> bytes:
    """The model whose last inputs and outputs are variables, zero after a reset."""
    if not count:
        return data
    graph = flatfile.read("model.tflite", data)
    tensors, handles = list(graph.tensors), []
    first: list[Op] = []
    last: list[Op] = []
    for before, after in pairs(graph, count):
        given, made = graph.tensors[before], graph.tensors[after]
        if (given.dtype, given.shape, given.quant) != (made.dtype, made.shape, made.quant):
            raise InternalError(f"the state '{given.name}' is no place for '{made.name}'")
        name, handle = f"{given.name}/kept", len(tensors)
        tensors.append(Tensor(name, RESOURCE, ()))
        attrs = options(TABLES[HANDLE].name, SharedName=name)
        handles.append(Op(HANDLE, name, (), (handle,), attrs))
        read, assign = options_of(READ_VARIABLE), options_of(ASSIGN_VARIABLE)
        first.append(Op(READ_VARIABLE, given.name, (handle,), (before,), read))
        last.append(Op(ASSIGN_VARIABLE, made.name, (handle, after), (), assign))
    return flatfile.write(
        replace(
            graph,
            tensors=tuple(tensors),
            ops=(*handles, *first, *graph.ops, *last),
            inputs=graph.inputs[:-count],
            outputs=graph.outputs[:-count],
        )
    )
