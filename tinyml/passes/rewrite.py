"""What passes have in common: who reads a tensor, who makes it, and what an op does to every byte.

A map of one 8-bit value to another is known completely by its 256 results. Passes use that as a
proof: they compare results instead of reasoning about scales.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from tinyml import ops
from tinyml.ir.dtype import INT8, UINT8, DType
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ops.traits import ByteMap


def reader_counts(graph: Graph) -> Counter[int]:
    """How often each tensor is read, by ops and as a model output."""
    counts = Counter(i for op in graph.ops for i in op.inputs if i >= 0)
    counts.update(graph.outputs)
    return counts


def makers(graph: Graph) -> dict[int, int]:
    """The number of the op that makes each tensor."""
    return {i: number for number, op in enumerate(graph.ops) for i in op.outputs}


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
