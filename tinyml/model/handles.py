"""A graph with variables as the graphs of a file, which knows them by handles.

The inverse of ``tinyml.model.variables``, for tests and for parts of models.
"""

from __future__ import annotations

from dataclasses import replace

from tinyml import ops
from tinyml.ir.dtype import RESOURCE
from tinyml.ir.graph import Graph, Op, Tensor
from tinyml.ir.module import Module
from tinyml.model.variables import default_of
from tinyml.ops.control import handle_op, once_op
from tinyml.ops.reference import reset_value
from tinyml.ops.traits import Variable


def as_file(graph: Graph) -> Module:
    """The graphs that stand for one; the graph alone where it has no variables with names."""
    owners = _owners(graph)
    if not owners:
        return Module((graph,))
    numbers = {first: n for n, first in enumerate(dict.fromkeys(owners.values()))}
    handles = {first: len(graph.tensors) + n for first, n in numbers.items()}
    names = {first: f"{graph.tensors[first].name}/{n}" for first, n in numbers.items()}
    tensors = [
        replace(tensor, is_variable=tensor.is_variable and i not in owners, initial=None)
        for i, tensor in enumerate(graph.tensors)
    ]
    tensors += [Tensor(names[first], RESOURCE, ()) for first in handles]
    made = [handle_op(names[first], handle) for first, handle in handles.items()]
    wanted = {*graph.outputs, *_read_as_values(graph)} & set(owners)
    for op in graph.ops:
        trait = ops.trait_of(op.kind, Variable)
        if trait is None:
            made.append(op)
            continue
        handle = handles[owners[op.inputs[0]]]
        outputs = () if trait.is_written else op.outputs
        made.append(replace(op, inputs=(handle, *op.inputs[1:]), outputs=outputs))
        if trait.is_written and op.outputs[0] in wanted:
            made.append(_reading(handle, op.outputs[0], graph))
    begun = _begun(graph, owners, names)
    others = () if begun is None else (begun,)
    called = [once_op(1)] if others else []
    main = replace(graph, tensors=tuple(tensors), ops=(*called, *made), carried=())
    return Module((main, *others))


def _owners(graph: Graph) -> dict[int, int]:
    """The variable that each tensor is a value of."""
    found: dict[int, int] = {}
    for op in graph.ops:
        trait = ops.trait_of(op.kind, Variable)
        if trait is not None:
            first = found.setdefault(op.inputs[0], op.inputs[0])
            if trait.is_written:
                found[op.outputs[0]] = first
    return found


def _read_as_values(graph: Graph) -> set[int]:
    """Tensors that ops read as they read any other."""
    return {
        i
        for op in graph.ops
        for i in (op.inputs if ops.trait_of(op.kind, Variable) is None else op.inputs[1:])
    }


def _reading(handle: int, made: int, graph: Graph) -> Op:
    kind = next(
        kind
        for kind in ops.all_ops()
        if (trait := ops.trait_of(kind, Variable)) is not None and not trait.is_written
    )
    return Op(kind, graph.tensors[made].name, (handle,), (made,), ops.spec_of(kind).attrs())


def _begun(graph: Graph, owners: dict[int, int], names: dict[int, str]) -> Graph | None:
    """The graph that runs once: it assigns what interpreters would not begin with themselves."""
    assigned = {
        owners[op.inputs[0]]: op
        for op in reversed(graph.ops)
        if (trait := ops.trait_of(op.kind, Variable)) is not None and trait.is_written
    }
    tensors: list[Tensor] = []
    made: list[Op] = []
    kind = next(
        kind
        for kind in ops.all_ops()
        if (trait := ops.trait_of(kind, Variable)) is not None and trait.is_written
    )
    for first, name in names.items():
        value, op = reset_value(graph.tensors[first]), assigned.get(first)
        if op is not None and default_of(graph.tensors[op.inputs[1]]).tobytes() == value.tobytes():
            continue
        kept = graph.tensors[first]
        tensors += [
            Tensor(name, RESOURCE, ()),
            replace(kept, name=f"{name}/first", data=value, is_variable=False, initial=None),
        ]
        made.append(handle_op(name, len(tensors) - 2))
        operands = (len(tensors) - 2, len(tensors) - 1)
        made.append(Op(kind, name, operands, (), ops.spec_of(kind).attrs()))
    if not made:
        return None
    name = f"{graph.name}_once"
    return Graph(name, graph.source, tuple(tensors), tuple(made), (), ())
