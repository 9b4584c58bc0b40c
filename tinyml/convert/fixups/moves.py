"""Operators that only move elements and have no kernel of their own, as some that have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.convert.fixups.edit import Chain, integers
from tinyml.convert.tables import with_attrs
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph, Op
from tinyml.ops.add_n import CUMSUM
from tinyml.ops.fully_connected import FULLY_CONNECTED
from tinyml.ops.gather import GATHER
from tinyml.ops.layout import CONCATENATION
from tinyml.ops.mirror_pad import MIRROR_PAD
from tinyml.ops.repeat import BROADCAST_TO, TILE
from tinyml.ops.resize_nearest_neighbor import RESIZE_NEAREST_NEIGHBOR, ResizeAttrs, loops, nearest
from tinyml.ops.reverse_v2 import REVERSE_V2
from tinyml.ops.slice import (
    MAX_STRIDED_RANK,
    SLICE,
    STRIDED_SLICE,
    Part,
    no_masks_but_three,
    slice_parts,
    strided_parts,
)
from tinyml.ops.space import DEPTH_TO_SPACE, SPACE_TO_DEPTH
from tinyml.ops.transpose import TRANSPOSE
from tinyml.passes.rewrite import moves

_REFLECT = 0  # MirrorPadMode; SYMMETRIC repeats the element at the border


def as_plain_moves(graph: Graph) -> Graph:
    """Blocks of depth as a transposition, mirrored borders as slices, broadcasts as TILE.

    A slice of more axes than kernels have is one of fewer, of which each is several.
    """
    for op in graph.ops:
        if not op.outputs or graph.tensors[op.outputs[0]].dtype != FLOAT32:
            continue
        if op.kind in (DEPTH_TO_SPACE, SPACE_TO_DEPTH):
            graph = _of_blocks(graph, op)
        elif op.kind == BROADCAST_TO and not graph.tensors[op.inputs[0]].is_constant:
            graph = _tiled(graph, op)
        elif op.kind == MIRROR_PAD:
            graph = _mirrored(graph, op)
        elif moves(op, "cut") and len(graph.tensors[op.inputs[0]].shape) > MAX_STRIDED_RANK:
            graph = _of_fewer_axes(graph, op)
    return graph


def gather_pixels(graph: Graph) -> Graph:
    """GATHER of rows and of columns for a nearest-neighbour resize in steps that are not equal."""
    for op in graph.ops:
        if op.kind == RESIZE_NEAREST_NEIGHBOR:
            graph = _gathered(graph, op)
    return graph


def _of_blocks(graph: Graph, op: Op) -> Graph:
    """[h, w, b, b * c] with the two in the middle exchanged, and back the other way."""
    block = op.attrs.get("BlockSize")
    given, wanted = graph.tensors[op.inputs[0]].shape, graph.tensors[op.outputs[0]].shape
    if len(given) != 4 or given[0] != 1:
        return graph
    small, large = (given, wanted) if op.kind == DEPTH_TO_SPACE else (wanted, given)
    rows, columns, run = small[1], small[2], block * large[3]
    split = (rows, columns, block, run) if small is given else (rows, block, columns, run)
    chain = Chain(graph, op)
    value = chain.reshape(op.inputs[0], split)
    order = chain.constant(np.array((0, 2, 1, 3), np.int32))
    moved = chain.add(TRANSPOSE, (value, order), (split[0], split[2], split[1], run))
    chain.reshape(moved, wanted)
    return chain.closed()


def _of_fewer_axes(graph: Graph, op: Op) -> Graph:
    """Neighbours of which all is taken are one axis."""
    whole = graph.tensors[op.inputs[0]].shape
    try:
        held = with_attrs(op)
        if op.kind == STRIDED_SLICE and no_masks_but_three(held, graph):
            return graph
        parts = strided_parts(held, graph) if op.kind == STRIDED_SLICE else slice_parts(op, graph)
    except ModelError:
        return graph  # the compiler says what is wrong with it
    shape, taken = _merged(whole, parts)
    if len(shape) > MAX_STRIDED_RANK or any(part.step < 0 for part in taken):
        return graph
    chain = Chain(graph, op)
    value = chain.reshape(op.inputs[0], tuple(shape))
    ends = [part.start + (part.count - 1) * part.step + 1 for part in taken]
    bounds = ([part.start for part in taken], ends, [part.step for part in taken])
    operands = (chain.constant(np.array(numbers, np.int32)) for numbers in bounds)
    value = chain.add(STRIDED_SLICE, (value, *operands), tuple(part.count for part in taken))
    chain.reshape(value, graph.tensors[op.outputs[0]].shape)
    return chain.closed()


def _merged(whole: Sequence[int], parts: Sequence[Part]) -> tuple[list[int], list[Part]]:
    """The extents and parts of as few axes as can be."""
    shape: list[int] = []
    taken: list[Part] = []
    for extent, part in zip(whole, parts, strict=True):
        is_all = (part.start, part.step, part.count) == (0, 1, extent)
        if is_all and taken and taken[-1] == Part(0, 1, shape[-1]):
            shape[-1] *= extent
            taken[-1] = Part(0, 1, shape[-1])
        else:
            shape.append(extent)
            taken.append(replace(part, is_kept=True))
    return shape, taken


def as_matrices(graph: Graph) -> Graph:
    """A product with a triangle of ones for CUMSUM, whose kernel rounds at each element."""
    for op in graph.ops:
        if op.kind == CUMSUM and graph.tensors[op.inputs[0]].dtype == FLOAT32:
            graph = _summed(graph, op)
    return graph


def _summed(graph: Graph, op: Op) -> Graph:
    axes = integers(graph.tensors[op.inputs[1]])
    shape = graph.tensors[op.inputs[0]].shape
    if axes is None or not shape:
        return graph
    axis, rank = axes[0] % len(shape), len(shape)
    order = [i for i in range(rank) if i != axis] + [axis]
    ones = np.ones((shape[axis], shape[axis]), np.float32)
    kept = np.tril(ones, -1 if op.attrs.get("Exclusive") else 0)
    chain, value = Chain(graph, op), op.inputs[0]
    moved = tuple(shape[i] for i in order)
    if axis != rank - 1:
        value = chain.add(TRANSPOSE, (value, chain.constant(np.array(order, np.int32))), moved)
    weights = chain.constant(kept.T if op.attrs.get("Reverse") else kept)
    value = chain.add(FULLY_CONNECTED, (value, weights, -1), moved, KeepNumDims=True)
    if axis != rank - 1:
        back = np.array([order.index(i) for i in range(rank)], np.int32)
        chain.add(TRANSPOSE, (value, chain.constant(back)), shape)
    return chain.closed()


def _tiled(graph: Graph, op: Op) -> Graph:
    """One TILE per axis that grows, the last one first: its copies are the shortest."""
    wanted = graph.tensors[op.outputs[0]].shape
    given = graph.tensors[op.inputs[0]].shape
    long = (*(1,) * (len(wanted) - len(given)), *given)
    chain, value = Chain(graph, op), op.inputs[0]
    if long != given:
        value = chain.reshape(value, long)
    for axis in reversed(range(len(wanted))):
        if long[axis] == wanted[axis]:
            continue
        times = np.ones(len(wanted), np.int32)
        times[axis] = wanted[axis]
        shape = list(chain.shape(value))
        shape[axis] = wanted[axis]
        value = chain.add(TILE, (value, chain.constant(times)), tuple(shape))
    return chain.closed() if chain.made else graph


def _mirrored(graph: Graph, op: Op) -> Graph:
    """Slices at the border, back to front, joined with the value; axis after axis."""
    pads = integers(graph.tensors[op.inputs[1]])
    if pads is None or graph.tensors[op.inputs[0]].is_constant or not any(pads):
        return graph
    skipped = 1 if op.attrs.get("Mode") == _REFLECT else 0
    chain, value = Chain(graph, op), op.inputs[0]
    for axis, (before, after) in enumerate(zip(pads[::2], pads[1::2], strict=True)):
        size = chain.shape(value)[axis]
        parts = (
            _border(chain, value, (axis, skipped, before)),
            value,
            _border(chain, value, (axis, size - skipped - after, after)),
        )
        joined = tuple(part for part in parts if part is not None)
        if len(joined) > 1:
            shape = list(chain.shape(value))
            shape[axis] += before + after
            value = chain.add(CONCATENATION, joined, tuple(shape), Axis=axis)
    return chain.closed()


def _border(chain: Chain, value: int, part: tuple[int, int, int]) -> int | None:
    """``part`` = (axis, first, how many) of a value, back to front."""
    axis, first, count = part
    if not count:
        return None
    shape = list(chain.shape(value))
    begin = np.zeros(len(shape), np.int32)
    begin[axis], shape[axis] = first, count
    sizes = (chain.constant(begin), chain.constant(np.array(shape, np.int32)))
    cut = chain.add(SLICE, (value, *sizes), tuple(shape))
    if count == 1:
        return cut
    axes = chain.constant(np.array([axis], np.int32))
    return chain.add(REVERSE_V2, (cut, axes), tuple(shape))


def _gathered(graph: Graph, op: Op) -> Graph:
    given, wanted = graph.tensors[op.inputs[0]].shape, graph.tensors[op.outputs[0]].shape
    how = ResizeAttrs(op.attrs.get("AlignCorners"), op.attrs.get("HalfPixelCenters"))
    if len(given) != 4 or graph.tensors[op.inputs[0]].is_constant:
        return graph
    places = [nearest(given[axis], wanted[axis], how) for axis in (1, 2)]
    if all(loops(each) is not None for each in places):
        return graph
    chain, value = Chain(graph, op), op.inputs[0]
    for axis, each in zip((1, 2), places, strict=True):
        shape = list(chain.shape(value))
        if each.tolist() == list(range(shape[axis])):
            continue
        shape[axis] = len(each)
        numbers = chain.constant(each.astype(np.int32))
        value = chain.add(GATHER, (value, numbers), tuple(shape), Axis=axis)
    return chain.closed()
