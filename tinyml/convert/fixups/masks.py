"""Masks of attention: what a softmax must not see, written as -inf, -1e9 or the least float.

On one scale with such a number all scores would be zero. In integers it is enough that what is
hidden lies so far below the scores that its share of the softmax rounds to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tinyml.convert.fixups.edit import Chain
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ops.elementwise import ADD
from tinyml.ops.select import SELECT_V2
from tinyml.ops.softmax import SOFTMAX
from tinyml.passes.rewrite import moves, only_reader

_FAR = -1e3  # numbers below are no scores
_HIDDEN = -1e4
_BELOW = 8.0  # the least score: e ** -8 is a twelfth of a step of the softmax's result


@dataclass(frozen=True, slots=True)
class Hidden:
    """A SELECT_V2 in front of a softmax."""

    op: Op
    number: int  # position of the operand that hides
    scores: int  # tensor


def choose_instead_of_adding(graph: Graph) -> Graph:
    """SELECT_V2 for a sum with a constant of zeros and of numbers that hide."""
    for op in graph.ops:
        if op.kind != ADD or not _is_seen_by_softmax(graph, op):
            continue
        for score, mask in (op.inputs, op.inputs[::-1]):
            held = graph.tensors[mask].data
            if held is not None and not graph.tensors[score].is_constant and _is_mask(held):
                chain = Chain(graph, op)
                shown, hidden = (
                    chain.constant(np.array(v)) for v in (held == 0, np.float32(_HIDDEN))
                )
                chain.add(SELECT_V2, (shown, score, hidden), chain.shape(op.outputs[0]))
                graph = chain.closed()
                break
    return graph


def _is_mask(held: Array) -> bool:
    return bool(((held == 0) | (held < _FAR)).all() and (held < _FAR).any())


def _is_seen_by_softmax(graph: Graph, op: Op) -> bool:
    reader = only_reader(graph, op.outputs[0])
    while reader is not None and moves(reader, "view"):
        reader = only_reader(graph, reader.outputs[0])
    return reader is not None and reader.kind == SOFTMAX


def hidden(graph: Graph) -> tuple[Hidden, ...]:
    """Where scores are hidden from a softmax."""
    found = []
    for op in graph.ops:
        if op.kind != SELECT_V2 or not _is_seen_by_softmax(graph, op):
            continue
        for number, other in ((1, 2), (2, 1)):
            held = graph.tensors[op.inputs[number]].data
            if held is not None and held.size and (held < _FAR).all():
                found.append(Hidden(op, number, op.inputs[other]))
    return tuple(found)


def hide_below(graph: Graph, lows: Mapping[int, float]) -> Graph:
    """The graph that hides by numbers not far below the least of the scores, by tensor."""
    for item in hidden(graph):
        chain = Chain(graph, item.op)
        inputs = list(item.op.inputs)
        inputs[item.number] = chain.constant(np.array(lows[item.scores] - _BELOW, np.float32))
        changed = replace(item.op, inputs=tuple(inputs))
        ops = tuple(changed if op is item.op else op for op in chain.graph.ops)
        graph = replace(chain.graph, ops=ops)
    return graph
