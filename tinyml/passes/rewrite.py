"""What passes have in common: who reads a tensor, who makes it, and what an op does to every byte.

A map of one 8-bit value to another is known completely by its 256 results. Passes use that as a
proof: they compare results instead of reasoning about scales.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from tinyml import ops
from tinyml.ir.dtype import INT8, UINT8, DType
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ops.traits import ByteMap, Converts, MovesOnly


def reader_counts(graph: Graph) -> Counter[int]:
    """How often each tensor is read, by ops and as a model output."""
    counts = Counter(i for op in graph.ops for i in op.inputs if i >= 0)
    counts.update(graph.results)
    return counts


def makers(graph: Graph) -> dict[int, int]:
    """The number of the op that makes each tensor."""
    return {i: number for number, op in enumerate(graph.ops) for i in op.outputs}


def moves(op: Op, how: str) -> bool:
    """Whether the op only moves values, and how: "view", "cut", "join" .. (``MovesOnly.how``)."""
    trait = ops.trait_of(op.kind, MovesOnly)
    return trait is not None and trait.how == how


def converts(op: Op, to: str) -> bool:
    """Whether the op only leads from one kind of numbers to the other: "integers" or "floats"."""
    trait = ops.trait_of(op.kind, Converts)
    return trait is not None and trait.to == to


def only_reader(graph: Graph, tensor: int) -> Op | None:
    """The one op that reads a tensor, once; None when others do or it is a model output."""
    if reader_counts(graph)[tensor] != 1 or tensor in graph.outputs:
        return None
    return next(op for op in graph.ops if tensor in op.inputs)


def maker(graph: Graph, tensor: int) -> Op | None:
    """The op that writes a tensor."""
    number = makers(graph).get(tensor)
    return None if number is None else graph.ops[number]


def with_ops(graph: Graph, changes: Mapping[int, Op | None]) -> Graph:
    """The graph with some ops, by their ``id``, changed or (None) left out."""
    kept = (changes.get(id(op), op) for op in graph.ops)
    return replace(graph, ops=tuple(op for op in kept if op is not None))


def repeated(graph: Graph, change: Callable[[Graph, Op], Graph | None]) -> Graph:
    """The graph after a change at one op or another, until there is none (None) at any."""
    while True:
        for op in graph.ops:
            made = change(graph, op)
            if made is not None:
                graph = made
                break
        else:
            return graph


def without_identities(graph: Graph, source_of: Callable[[Graph, Op], int | None]) -> Graph:
    """The graph without ops whose result equals the tensor that ``source_of`` says.

    Readers of the result read that tensor. Where the result is a model output, the tensor's maker
    writes it, if nobody else reads what it writes.
    """

    def without(held: Graph, op: Op) -> Graph | None:
        source = source_of(held, op)
        return None if source is None else bypassed(held, op, source)

    return repeated(graph, without)


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


def all_bytes(dtype: DType) -> Array:
    """All values of an 8-bit type, smallest first."""
    info = np.iinfo(dtype.numpy)
    return np.arange(info.min, info.max + 1).astype(dtype.numpy)


def table_of(chain: tuple[Op, ...], graph: Graph) -> Array | None:
    """The results of a chain of elementwise ops for ``all_bytes`` of its input.

    None when the chain is not one of byte maps on an 8-bit value.
    """
    given = graph.tensors[chain[0].inputs[0]]
    if any(ops.trait_of(op.kind, ByteMap) is None for op in chain) or given.dtype not in (
        INT8,
        UINT8,
    ):
        return None
    touched = {chain[0].inputs[0], *(i for op in chain for i in op.outputs)}
    flat = replace(
        graph,
        tensors=tuple(
            replace(tensor, shape=(256,)) if i in touched else tensor
            for i, tensor in enumerate(graph.tensors)
        ),
    )
    values: Array = all_bytes(given.dtype)
    for op in chain:
        (values,) = ops.form_of(op, flat).reference(op, flat, (values,))
    return values
