"""Borders of the lowest number in front of a maximum, which no integer is like.

PyTorch pads a maximum over windows with minus infinity: the border never counts. In integers it
would stretch the scale over all floats. The windows' own padding does not count either; where that
cannot be said, the elements at the edge stand there once more: a window with a copy of an element
also has the element.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.convert.fixups.edit import Chain, integers
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.shapes import window
from tinyml.ops import trait_of
from tinyml.ops.layout import CONCATENATION
from tinyml.ops.slice import SLICE
from tinyml.ops.traits import Pads, Rows
from tinyml.passes.rewrite import only_reader, with_ops

_LOWEST = -1e30  # below that, a number stands for minus infinity
_SAME = 0  # Padding


def without_lowest_borders(graph: Graph) -> Graph:
    """A maximum with padding of its own, or behind copies of the edge, for such a border."""
    for pad in graph.ops:
        if not _is_lowest(graph, pad):
            continue
        readers = [op for op in graph.ops if pad.outputs[0] in op.inputs]
        if pad.outputs[0] in graph.outputs or not all(map(_is_greatest, readers)):
            continue
        around = np.reshape(integers(graph.tensors[pad.inputs[1]]) or (), (-1, 2))
        if around.shape != (4, 2) or around[[0, 3]].any():
            continue
        op = only_reader(graph, pad.outputs[0])
        if op is not None and _is_own(graph, pad, op, around):
            made = replace(op, inputs=(pad.inputs[0],), attrs=op.attrs.having(Padding=_SAME))
            graph = with_ops(graph, {id(op): made, id(pad): None})
        else:
            graph = _copied(graph, pad, around)
    return graph


def _is_lowest(graph: Graph, op: Op) -> bool:
    trait = trait_of(op.kind, Pads)
    if trait is None or trait.value is None:
        return False
    number = graph.tensors[op.inputs[trait.value]].data
    return number is not None and number.size == 1 and float(number.ravel()[0]) < _LOWEST


def _is_greatest(op: Op) -> bool:
    """Whether windows of the op do not count what lies outside."""
    rows = trait_of(op.kind, Rows)
    return rows is not None and rows.fill == "lowest"


def _is_own(graph: Graph, pad: Op, op: Op, around: Array) -> bool:
    """Whether SAME adds exactly the border."""
    fields = dict(op.attrs.values)
    given, made = graph.tensors[pad.inputs[0]].shape, graph.tensors[op.outputs[0]].shape
    if fields["Padding"] == _SAME:
        return False
    for axis, letter, word in ((1, "H", "Height"), (2, "W", "Width")):
        own = window("SAME", given[axis], fields[f"Filter{word}"], fields[f"Stride{letter}"])
        if (own.pad, own.out_size) != (around[axis][0], made[axis]):
            return False
    return True


def _copied(graph: Graph, pad: Op, around: Array) -> Graph:
    chain = Chain(graph, pad)
    value = pad.inputs[0]
    for axis in (1, 2):
        before, after = (int(count) for count in around[axis])
        if before or after:
            first = [_edge(chain, value, axis, 0)] * before if before else []
            last = (
                [_edge(chain, value, axis, chain.shape(value)[axis] - 1)] * after if after else []
            )
            shape = list(chain.shape(value))
            shape[axis] += before + after
            parts = (*first, value, *last)
            value = chain.add(CONCATENATION, parts, tuple(shape), Axis=axis)
    return chain.closed() if chain.made else graph


def _edge(chain: Chain, value: int, axis: int, place: int) -> int:
    shape = list(chain.shape(value))
    begin = [place if k == axis else 0 for k in range(4)]
    shape[axis] = 1
    bounds = (chain.constant(np.array(v, np.int32)) for v in (begin, shape))
    return chain.add(SLICE, (value, *bounds), tuple(shape))
