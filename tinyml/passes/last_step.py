"""A recurrent layer of which only the last step is read keeps that step alone."""

from __future__ import annotations

from dataclasses import replace

from tinyml.ir.graph import Graph, Op
from tinyml.ops.slice import part_shape, slice_parts, start_of, strided_parts
from tinyml.passes.rewrite import makers, reader_counts

_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
_PARTS = {"SLICE": slice_parts, "STRIDED_SLICE": strided_parts}


def keep_last_step(graph: Graph) -> Graph:
    """Lets an LSTM of one batch write its steps over one another where a slice takes the last."""
    for taken in tuple(op for op in graph.ops if op.kind in _PARTS):
        maker = makers(graph).get(taken.inputs[0])
        if maker is None or reader_counts(graph)[taken.inputs[0]] != 1:
            continue
        op = graph.ops[maker]
        if op.kind == _LSTM and not op.attrs.is_last_only and _is_last_step(taken, op, graph):
            attrs = replace(op.attrs, is_last_only=True)
            shorter = replace(op, outputs=taken.outputs, attrs=attrs)
            kept = (other for other in graph.ops if other is not taken)
            graph = replace(graph, ops=tuple(shorter if o is op else o for o in kept))
    return graph


def _is_last_step(taken: Op, layer: Op, graph: Graph) -> bool:
    given = graph.tensors[taken.inputs[0]].shape
    parts = _PARTS[taken.kind](taken, graph)
    steps, batches = given[:2] if layer.attrs.time_major else given[1::-1]
    is_step = batches == 1 and parts[0].count * parts[1].count == 1
    is_whole = part_shape(parts)[-1:] == given[-1:]
    return is_step and is_whole and start_of(given, parts) == (steps - 1) * given[-1]
