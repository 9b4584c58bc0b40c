"""A layer on every n-th pixel, as one dilated layer: nothing is dealt out and put back."""

from __future__ import annotations

from dataclasses import replace

from tinyml.base.errors import ModelError
from tinyml.ir.graph import Graph, Op
from tinyml.ir.shapes import padded_window
from tinyml.ops import trait_of
from tinyml.ops.traits import DealsOut, ReadsPadding
from tinyml.passes.rewrite import maker, only_reader

_Pair = tuple[int, int]


def dilate(graph: Graph) -> Graph:
    """One dilated layer for a layer between two operators that deal pixels out and put them back.

    Each image that the layer sees has pixels that are a block apart: it reads what a dilated one
    would, and the border becomes padding of its own.
    """
    for last in graph.ops:
        back = trait_of(last.kind, DealsOut)
        layer = maker(graph, last.inputs[0]) if back is not None and back.puts_back else None
        first = maker(graph, layer.inputs[0]) if layer is not None and layer.inputs else None
        if layer is None or first is None:
            continue
        made = _dilated(graph, (first, layer, last))
        if made is not None:
            ops = (made if op is last else op for op in graph.ops if op not in (first, layer))
            graph = replace(graph, ops=tuple(ops))
    return graph


def _dilated(graph: Graph, chain: tuple[Op, Op, Op]) -> Op | None:
    """The one layer; None where the three are none."""
    first, layer, last = chain
    out, back = trait_of(first.kind, DealsOut), trait_of(last.kind, DealsOut)
    given, made = graph.tensors[first.inputs[0]], graph.tensors[last.outputs[0]]
    inner = [graph.tensors[op.outputs[0]] for op in (first, layer)]
    if out is None or back is None or out.puts_back or len(given.shape) != 4:
        return None
    if any(only_reader(graph, op.outputs[0]) is None for op in (first, layer)):
        return None
    if (given.quant, made.quant) != (inner[0].quant, inner[1].quant) or not _is_plain(layer):
        return None
    block = out.block(first, graph)
    if block != back.block(last, graph) or made.shape[0] != given.shape[0]:
        return None
    cut = back.sides(last, graph)
    tops = [side[0] - crop[0] for side, crop in zip(out.sides(first, graph), cut, strict=True)]
    sides = []
    for axis, top in enumerate(tops, 1):
        taps, size = graph.tensors[layer.inputs[1]].shape[axis], given.shape[axis]
        below = made.shape[axis] + (taps - 1) * block[axis - 1] - size - top
        if min(top, below) < 0 or not _is_sound(size, (taps, block[axis - 1]), (top, below)):
            return None
        sides += [top, below]
    attrs = replace(layer.attrs, dilation_h=block[0], dilation_w=block[1])
    attrs = replace(attrs, pads=tuple(sides)) if any(sides) else attrs
    inputs = (first.inputs[0], *layer.inputs[1:])
    return replace(layer, name=last.name, inputs=inputs, outputs=last.outputs, attrs=attrs)


def _is_plain(layer: Op) -> bool:
    """Whether a layer reads every pixel of what it is given, and no border."""
    if trait_of(layer.kind, ReadsPadding) is None or layer.attrs.padding != "VALID":
        return False
    steps = (layer.attrs.stride_h, layer.attrs.stride_w)
    reach = (layer.attrs.dilation_h, layer.attrs.dilation_w)
    return (steps, reach, layer.attrs.pads) == ((1, 1), (1, 1), None)


def _is_sound(size: int, taps: _Pair, around: _Pair) -> bool:
    """Whether every window has a tap on the image, as kernels want it."""
    try:
        own = padded_window(size, taps[0], 1, taps[1], *around)
    except ModelError:
        return False
    return all(start < end for start, end in map(own.taps, range(own.out_size)))
