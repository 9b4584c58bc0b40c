"""What fix-ups have in common: adding constants, redirecting readers, taking ops out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from tinyml.ir.dtype import FLOAT32, DType, dtype_of
from tinyml.ir.graph import Array, Graph, Op, Quant, Tensor
from tinyml.ops import trait_of
from tinyml.ops.traits import MovesOnly
from tinyml.passes.rewrite import makers, reader_counts


def only_reader(graph: Graph, tensor: int) -> Op | None:
    """The one op that reads a tensor, once; None when others do or it is a model output."""
    if reader_counts(graph)[tensor] != 1 or tensor in graph.outputs:
        return None
    return next(op for op in graph.ops if tensor in op.inputs)


def maker(graph: Graph, tensor: int) -> Op | None:
    """The op that writes a tensor."""
    number = makers(graph).get(tensor)
    return None if number is None else graph.ops[number]


def is_view(op: Op) -> bool:
    """Whether the op gives its input another shape, in the same order of elements."""
    trait = trait_of(op.kind, MovesOnly)
    return trait is not None and trait.how == "view"


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


def with_ops(graph: Graph, changes: Mapping[int, Op | None]) -> Graph:
    """The graph with some ops, by their ``id``, changed or (None) left out."""
    kept = (changes.get(id(op), op) for op in graph.ops)
    return replace(graph, ops=tuple(op for op in kept if op is not None))


def redirected(graph: Graph, old: int, new: int) -> Graph:
    """The graph in which readers of ``old`` read ``new``; outputs are left alone."""
    return replace(
        graph,
        ops=tuple(
            replace(op, inputs=tuple(new if i == old else i for i in op.inputs))
            if old in op.inputs
            else op
            for op in graph.ops
        ),
    )


def bypassed(graph: Graph, op: Op, source: int) -> Graph | None:
    """The graph without ``op``, whose one result equals ``source``; None where it must stay.

    Where the result is a model output, the maker of the source writes it.
    """
    (result,) = op.outputs
    without = with_ops(graph, {id(op): None})
    if result not in graph.outputs:
        return redirected(without, result, source)
    writer = maker(graph, source)
    if writer is None or source in graph.outputs or reader_counts(graph)[source] != 1:
        return None
    outputs = tuple(result if i == source else i for i in writer.outputs)
    written = with_ops(without, {id(writer): replace(writer, outputs=outputs)})
    return redirected(written, source, result)  # the one reader is another op behind a pair


def integers(tensor: Tensor | None) -> tuple[int, ...] | None:
    """The values of a constant vector of integers; None for anything else."""
    if tensor is None or tensor.data is None:
        return None
    return tuple(int(value) for value in np.reshape(tensor.data, -1))


def are_constant(graph: Graph, indices: Iterable[int]) -> bool:
    """Whether all tensors (absent ones aside) have a value."""
    return all(i < 0 or graph.tensors[i].is_constant for i in indices)
