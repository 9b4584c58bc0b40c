"""A recurrent layer of which only the last step is read keeps that step alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinyml.ir.graph import Graph, Op
from tinyml.ops import trait_of
from tinyml.ops.slice import Part, part_shape, start_of
from tinyml.ops.traits import MovesOnly, Steps
from tinyml.passes.rewrite import makers, reader_counts


def keep_last_step(graph: Graph) -> Graph:
    """Lets an LSTM of one batch write its steps over one another where a slice takes the last."""
    for taken in graph.ops:
        moves = trait_of(taken.kind, MovesOnly)
        if moves is None or moves.parts is None:
            continue
        maker = makers(graph).get(taken.inputs[0])
        if maker is None or reader_counts(graph)[taken.inputs[0]] != 1:
            continue
        op = graph.ops[maker]
        if trait_of(op.kind, Steps) is None or op.attrs.is_last_only:
            continue
        if _is_last_step(taken, moves.parts(taken, graph), op, graph):
            attrs = replace(op.attrs, is_last_only=True)
            shorter = replace(op, outputs=taken.outputs, attrs=attrs)
            kept = (other for other in graph.ops if other is not taken)
            graph = replace(graph, ops=tuple(shorter if o is op else o for o in kept))
    return graph


def _is_last_step(taken: Op, parts: Sequence[Part], layer: Op, graph: Graph) -> bool:
    given = graph.tensors[taken.inputs[0]].shape
    steps, batches = given[:2] if layer.attrs.time_major else given[1::-1]
    is_step = batches == 1 and parts[0].count * parts[1].count == 1
    is_whole = part_shape(parts)[-1:] == given[-1:]
    return is_step and is_whole and start_of(given, parts) == (steps - 1) * given[-1]
