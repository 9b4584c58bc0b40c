"""Activation and padding into the op beside them, where that gives the same bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Graph, Op
from tinyml.ir.shapes import padded_window, window
from tinyml.ops import trait_of
from tinyml.ops.common import activation_range
from tinyml.ops.traits import Activation, ClampsOutput, Pads, ReadsPadding
from tinyml.passes.rewrite import all_bytes, makers, reader_counts, table_of


def fuse_activation(graph: Graph) -> Graph:
    """Lets the op before a RELU or RELU6 clamp its output itself.

    Only where the activation on its own does nothing but clamp to the very range of the fused one:
    at different scales it would rescale, and round, once more.
    """
    for activation in graph.ops:
        trait = trait_of(activation.kind, Activation)
        if trait is None:
            continue
        maker = makers(graph).get(activation.inputs[0])
        if maker is None or reader_counts(graph)[activation.inputs[0]] != 1:
            continue
        op = graph.ops[maker]
        if _is_clamp(graph, op, activation, trait.name):
            fused = replace(
                op,
                outputs=activation.outputs,
                attrs=replace(op.attrs, activation=trait.name),
            )
            graph = replace(
                graph,
                ops=tuple(fused if o is op else o for o in graph.ops if o is not activation),
            )
    return graph


def _is_clamp(graph: Graph, op: Op, activation: Op, name: str) -> bool:
    if trait_of(op.kind, ClampsOutput) is None or op.attrs.activation != "NONE":
        return False
    given, made = (graph.tensors[i] for i in (activation.inputs[0], activation.outputs[0]))
    if given.quant is None or given.quant != made.quant or given.dtype != INT8:
        return False
    table = table_of((activation,), graph)
    try:
        low, high = activation_range(name, given.quant)
    except ModelError:
        return False
    clamped = np.clip(all_bytes(INT8).astype(np.int64), low, high)
    return low <= high and table is not None and np.array_equal(table, clamped)


def fuse_pad(graph: Graph) -> Graph:
    """Lets a VALID convolution behind a PAD read the unpadded image with padding of its own.

    SAME where that means exactly the rows and columns that PAD adds, else as many as PAD adds. Both
    fill with the zero point.
    """
    for pad in graph.ops:
        trait = trait_of(pad.kind, Pads)
        if trait is None or trait.value is not None:
            continue
        readers = [op for op in graph.ops if pad.outputs[0] in op.inputs]
        if len(readers) != 1 or pad.outputs[0] in graph.outputs:
            continue
        op = readers[0]
        attrs = padded_attrs(graph, pad, op)
        if attrs is not None:
            fused = replace(op, inputs=(pad.inputs[0], *op.inputs[1:]), attrs=attrs)
            graph = replace(
                graph, ops=tuple(fused if o is op else o for o in graph.ops if o is not pad)
            )
    return graph


def padded_attrs(graph: Graph, pad: Op, op: Op) -> Any:
    """The attrs of an op with padding in the place of PAD; None where it cannot take it."""
    given, padded = graph.tensors[pad.inputs[0]], graph.tensors[pad.outputs[0]]
    amounts = graph.tensors[pad.inputs[1]].data
    if trait_of(op.kind, ReadsPadding) is None or op.attrs.padding != "VALID" or amounts is None:
        return None
    if given.quant != padded.quant or len(given.shape) != 4 or op.inputs[0] != pad.outputs[0]:
        return None
    around = [(int(before), int(after)) for before, after in np.reshape(amounts, (-1, 2))]
    if around[0] != (0, 0) or around[3] != (0, 0) or op.attrs.pads is not None:
        return None
    attrs, weights = op.attrs, graph.tensors[op.inputs[1]]
    strides, dilations = (attrs.stride_h, attrs.stride_w), (attrs.dilation_h, attrs.dilation_w)
    is_same = True
    for axis in (1, 2):
        numbers = (weights.shape[axis], strides[axis - 1], dilations[axis - 1])
        same = window("SAME", given.shape[axis], *numbers)
        own = padded_window(given.shape[axis], *numbers, *around[axis])
        # Rows that no window reaches may be padded or not: they are never read.
        is_same &= (same.pad, same.out_size) == (around[axis][0], own.out_size)
        if any(start >= end for start, end in map(own.taps, range(own.out_size))):
            return None  # kernels want at least one tap on the image
    if is_same:
        return replace(attrs, padding="SAME")
    return replace(attrs, pads=(*around[1], *around[2]))
