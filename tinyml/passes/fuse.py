"""Activation and padding into the op beside them, where that gives the same bytes.

``with_clamps`` and ``without_pads`` find them; what an op may do in their place is for the asking
stage to say: the compiler proves it of integers, the converter knows it of floats.
"""

from __future__ import annotations

from collections.abc import Callable
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
from tinyml.passes.rewrite import all_bytes, maker, only_reader, table_of, with_ops

Clamped = Callable[[Graph, Op, Op, str], Op | None]
"""An op that clamps as the activation behind it, of a name, does; None where it must not."""


def with_clamps(graph: Graph, clamped: Clamped) -> Graph:
    """The graph without activations behind ops that clamp their results as well themselves.

    A result without scales has those of the value before the clamp: trained ones of a float model.
    """
    for activation in graph.ops:
        trait = trait_of(activation.kind, Activation)
        before = maker(graph, activation.inputs[0]) if trait is not None else None
        # Kernels of others (CONCATENATION) have the field and refuse anything in it.
        if trait is None or before is None or trait_of(before.kind, ClampsOutput) is None:
            continue
        if only_reader(graph, activation.inputs[0]) is not activation:
            continue
        made = clamped(graph, before, activation, trait.name)
        if made is not None:
            made = replace(made, outputs=activation.outputs)
            graph = with_ops(_scaled(graph, activation), {id(before): made, id(activation): None})
    return graph


def _scaled(graph: Graph, activation: Op) -> Graph:
    (made,) = activation.outputs
    given, tensors = graph.tensors[activation.inputs[0]], list(graph.tensors)
    tensors[made] = replace(tensors[made], quant=tensors[made].quant or given.quant)
    return replace(graph, tensors=tuple(tensors))


def fuse_activation(graph: Graph) -> Graph:
    """Lets the op before a RELU or RELU6 clamp its output itself.

    Only where the activation on its own does nothing but clamp to the very range of the fused one:
    at different scales it would rescale, and round, once more.
    """
    return with_clamps(graph, _clamped)


def _clamped(graph: Graph, op: Op, activation: Op, name: str) -> Op | None:
    if not _is_clamp(graph, op, activation, name):
        return None
    return replace(op, attrs=replace(op.attrs, activation=name))


def _is_clamp(graph: Graph, op: Op, activation: Op, name: str) -> bool:
    if op.attrs.activation != "NONE":
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


def without_pads(graph: Graph, padded: Callable[[Graph, Op, Op], Op | None]) -> Graph:
    """The graph without PADs of zeros in front of windows that read beyond an image's edge as well.

    ``padded`` gives the op behind a PAD with padding of its own; None: it cannot have that.
    """
    for pad in graph.ops:
        trait = trait_of(pad.kind, Pads)
        op = only_reader(graph, pad.outputs[0]) if trait is not None else None
        if trait is None or trait.value is not None or op is None:
            continue
        made = padded(graph, pad, op) if trait_of(op.kind, ReadsPadding) is not None else None
        if made is not None:
            made = replace(made, inputs=(pad.inputs[0], *op.inputs[1:]))
            graph = with_ops(graph, {id(op): made, id(pad): None})
    return graph


def fuse_pad(graph: Graph) -> Graph:
    """Lets a VALID convolution behind a PAD read the unpadded image with padding of its own.

    SAME where that means exactly the rows and columns that PAD adds, else as many as PAD adds. Both
    fill with the zero point.
    """
    return without_pads(graph, _padded)


def _padded(graph: Graph, pad: Op, op: Op) -> Op | None:
    attrs = padded_attrs(graph, pad, op)
    return None if attrs is None else replace(op, attrs=attrs)


def padded_attrs(graph: Graph, pad: Op, op: Op) -> Any:
    """The attrs of an op with padding in the place of PAD; None where it cannot take it."""
    given, padded = graph.tensors[pad.inputs[0]], graph.tensors[pad.outputs[0]]
    amounts = graph.tensors[pad.inputs[1]].data
    if op.attrs.padding != "VALID" or amounts is None:
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
