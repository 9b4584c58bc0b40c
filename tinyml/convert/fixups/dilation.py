"""Convolutions between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND, which is how some write dilation.

The first deals pixels out to as many images as a block has, so that neighbours in an image are a
block apart; the second puts the results back. One dilated convolution reads the same pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinyml.convert.fixups.edit import integers, with_constant, with_replaced, with_value
from tinyml.convert.tables import options_of
from tinyml.ir.graph import Graph, Op
from tinyml.ops import trait_of
from tinyml.ops.layout import RESHAPE
from tinyml.ops.pad import PAD
from tinyml.ops.space import BATCH_TO_SPACE_ND, SPACE_TO_BATCH_ND
from tinyml.ops.traits import ReadsPadding
from tinyml.passes.rewrite import maker, moves, only_reader, with_ops

_SAME, _VALID = 0, 1  # Padding

Sides = tuple[tuple[int, int], tuple[int, int]]  # before and after, of rows and of columns


def dilate_convolutions(graph: Graph) -> Graph:
    """PAD and a dilated convolution for each such three operators, also with views between."""
    for op in tuple(op for op in graph.ops if op.kind == BATCH_TO_SPACE_ND):
        found = _found(graph, op)
        if found is not None:
            graph = _dilated(graph, found)
    return graph


@dataclass(frozen=True, slots=True)
class _Dilation:
    """Operators that are one dilated convolution, and the padding in front of it."""

    first: Op  # SPACE_TO_BATCH_ND
    layer: Op
    last: Op  # BATCH_TO_SPACE_ND
    views: tuple[Op, ...]
    block: tuple[int, int]
    pads: Sides


def _found(graph: Graph, last: Op) -> _Dilation | None:
    chain: list[Op] = []
    before = maker(graph, last.inputs[0])
    for _ in range(4):
        if before is None or only_reader(graph, before.outputs[0]) is None:
            return None
        chain.append(before)
        if before.kind == SPACE_TO_BATCH_ND:
            break
        before = maker(graph, before.inputs[0])
    layers = [op for op in chain if trait_of(op.kind, ReadsPadding) is not None]
    views = tuple(op for op in chain if moves(op, "view"))
    if len(layers) != 1 or chain[-1].kind != SPACE_TO_BATCH_ND:
        return None
    if len(chain) != 2 + len(views) or len(views) not in (0, 2):
        return None
    return _measured(graph, (chain[-1], layers[0], last), views)


def _measured(graph: Graph, ops: tuple[Op, Op, Op], views: tuple[Op, ...]) -> _Dilation | None:
    first, layer, last = ops
    blocks = [integers(graph.tensors[op.inputs[1]]) for op in (first, last)]
    borders = [integers(graph.tensors[op.inputs[2]]) for op in (first, last)]
    weights = graph.tensors[layer.inputs[1]].shape
    rank = len(graph.tensors[first.inputs[0]].shape)
    block, pads, crops = blocks[0], borders[0], borders[1]
    if block is None or block != blocks[1] or pads is None or crops is None:
        return None
    if (rank, len(block), len(views)) not in ((4, 2, 0), (4, 1, 0), (3, 1, 2)):
        return None
    if (layer.attrs.get("StrideH"), layer.attrs.get("StrideW")) != (1, 1):
        return None
    if len(block) == 1:  # rows of an image, or of a sequence the only axis: columns of its image
        rows = rank == 4
        block = (*block, 1) if rows else (1, *block)
        pads, crops = ((*v, 0, 0) if rows else (0, 0, *v) for v in (pads, crops))
    sides = []
    for axis, letter in enumerate("HW"):
        before, after = (pads[2 * axis + k] - crops[2 * axis + k] for k in (0, 1))
        reach = (weights[1 + axis] - 1) * layer.attrs.get(f"Dilation{letter}Factor")
        if layer.attrs.get("Padding") == _SAME:
            before += block[axis] * (reach // 2)
            after += block[axis] * (reach - reach // 2)
        sides.append((before, after))
    if min(min(side) for side in sides) < 0:
        return None  # crops more than padding added: not what dilation looks like
    return _Dilation(first, layer, last, views, (block[0], block[1]), (sides[0], sides[1]))


def _dilated(graph: Graph, what: _Dilation) -> Graph:
    source, result, name = what.first.inputs[0], what.last.outputs[0], what.last.name
    given, wanted = graph.tensors[source], graph.tensors[result]
    made: list[Op] = []
    if what.views:
        graph, source = _viewed(graph, source, _as_image(given.shape), made)
    height, width = graph.tensors[source].shape[1:3]
    rows, columns = what.pads
    table = np.array(((0, 0), rows, columns, (0, 0)), np.int32)
    shape = (1, height + sum(rows), width + sum(columns), given.shape[-1])
    graph = with_constant(graph, f"{name}/pads", table)
    amounts = len(graph.tensors) - 1
    graph, padded = with_value(graph, f"{name}/padded", shape)
    made.append(Op(PAD, f"{name}/padded", (source, amounts), (padded,), options_of(PAD)))
    attrs = what.layer.attrs
    changes = {
        f"Dilation{letter}Factor": factor * attrs.get(f"Dilation{letter}Factor")
        for letter, factor in zip("HW", what.block, strict=True)
    }
    written = result
    if what.views:
        graph, written = with_value(graph, f"{name}/image", _as_image(wanted.shape))
    made.append(
        replace(
            what.layer,
            name=graph.tensors[written].name,
            inputs=(padded, *what.layer.inputs[1:]),
            outputs=(written,),
            attrs=attrs.having(Padding=_VALID, **changes),
        )
    )
    if what.views:
        graph, _ = _viewed(graph, written, wanted.shape, made, result)
    graph = with_ops(graph, {id(op): None for op in (what.first, what.layer, *what.views)})
    return with_replaced(graph, what.last, made)


def _as_image(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A sequence as an image of one row."""
    return (shape[0], 1, *shape[1:])


def _viewed(
    graph: Graph, source: int, shape: tuple[int, ...], made: list[Op], result: int = -1
) -> tuple[Graph, int]:
    """A RESHAPE, appended to ``made``; its result."""
    name = f"{graph.tensors[source].name}/view"
    graph = with_constant(graph, f"{name}/shape", np.array(shape, np.int32))
    sizes = len(graph.tensors) - 1
    if result < 0:
        graph, result = with_value(graph, name, shape)
    held = options_of(RESHAPE, NewShape=shape)
    made.append(Op(RESHAPE, graph.tensors[result].name, (source, sizes), (result,), held))
    return graph, result
