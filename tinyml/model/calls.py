"""Graphs that a WHILE calls as those of one op: its values become their variables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinyml.ir.graph import Carried, Graph, Op, Tensor
from tinyml.ops.variables import assigning_op, reading_op


def with_variables(graph: Graph, *, is_body: bool) -> Graph:
    """A called graph whose inputs are variables, its first tensors.

    A body assigns to them what it gives back, unless that is the value itself; a condition keeps
    its output.
    """
    count = len(graph.inputs)
    held = [graph.tensors[i] for i in graph.inputs]
    variables = tuple(
        replace(tensor, name=f"{tensor.name}/kept", data=None, is_variable=True, initial=None)
        for tensor in held
    )
    tensors: list[Tensor] = [*variables, *graph.tensors]
    ops = [
        reading_op(tensor.name, k, count + i)
        for k, (i, tensor) in enumerate(zip(graph.inputs, held, strict=True))
    ]
    ops += [_moved(op, count) for op in graph.ops]
    if not is_body:
        outputs = tuple(count + i for i in graph.outputs)
        return replace(graph, tensors=tuple(tensors), ops=tuple(ops), inputs=(), outputs=outputs)
    carried = []
    for k in changed(graph):
        made = len(tensors)
        tensors.append(replace(variables[k], is_variable=False))
        ops.append(assigning_op(held[k].name, k, count + graph.outputs[k], made))
        carried.append(Carried(k, made))
    return replace(
        graph,
        tensors=tuple(tensors),
        ops=tuple(ops),
        inputs=(),
        outputs=(),
        carried=tuple(carried),
    )


def changed(body: Graph) -> tuple[int, ...]:
    """The values that a body gives back changed."""
    pairs: Sequence[tuple[int, int]] = list(zip(body.inputs, body.outputs, strict=True))
    return tuple(k for k, (given, made) in enumerate(pairs) if given != made)


def _moved(op: Op, by: int) -> Op:
    return replace(
        op,
        inputs=tuple(i + by if i >= 0 else -1 for i in op.inputs),
        outputs=tuple(i + by for i in op.outputs),
    )
