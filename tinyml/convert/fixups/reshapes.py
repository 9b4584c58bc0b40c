"""Reshapes around one-dimensional convolutions, out of the way of what folds into the layer.

A convolution of a sequence comes as RESHAPE to an image, CONV_2D, RESHAPE back. What frameworks put
beside it, batch normalisation, an activation or padding, then meets the reshape and not the layer.
A transposed convolution with padding comes as TRANSPOSE_CONV and a SLICE that crops it: likewise.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.convert.fixups.edit import integers, with_constant
from tinyml.convert.rules import has_weights
from tinyml.ir.graph import Graph, Op, Tensor
from tinyml.ops import trait_of
from tinyml.ops.traits import Activation, Arithmetic, Pads, ShapeOperand
from tinyml.passes.rewrite import maker, moves, only_reader, repeated, with_ops


def move_reshapes(graph: Graph) -> Graph:
    """Channelwise ops before the RESHAPE behind a layer, PAD behind the RESHAPE before one."""
    return repeated(graph, lambda held, op: _lifted(held, op) or _lowered(held, op))


def _lifted(graph: Graph, op: Op) -> Graph | None:
    """An activation, or a sum or product with a constant per channel, right behind its layer.

    Also what a crop would leave out is computed then, which folding into the layer makes free.
    """
    if not _is_affine(op) and trait_of(op.kind, Activation) is None:
        return None
    data = [i for i in op.inputs if i >= 0 and not graph.tensors[i].is_constant]
    before = maker(graph, data[0]) if len(data) == 1 else None
    if before is None or not _is_carried(before) or only_reader(graph, data[0]) is not op:
        return None
    source, given = graph.tensors[before.inputs[0]], graph.tensors[data[0]]
    layer = maker(graph, before.inputs[0])
    if layer is None or not (has_weights(layer) or _is_affine(layer)) or not source.shape:
        return None
    result = graph.tensors[op.outputs[0]]
    if source.shape[-1] != given.shape[-1:][0] or result.shape != given.shape:
        return None
    if only_reader(graph, before.inputs[0]) is not before:
        return None
    inputs = []
    for i in op.inputs:
        tensor = graph.tensors[i]
        if i == data[0]:
            inputs.append(before.inputs[0])
            continue
        if tensor.data is None or not _is_channelwise(tensor, source.shape[-1]):
            return None
        graph = with_constant(graph, tensor.name, tensor.data.reshape(-1), tensor.quant)
        inputs.append(len(graph.tensors) - 1)
    image = replace(source, name=f"{result.name}/image", quant=result.quant)
    graph = replace(graph, tensors=(*graph.tensors, image))
    last = len(graph.tensors) - 1
    lifted = replace(op, inputs=tuple(inputs), outputs=(last,))
    back = replace(before, name=op.name, inputs=(last, *before.inputs[1:]), outputs=op.outputs)
    return with_ops(graph, {id(before): lifted, id(op): back})


def _is_affine(op: Op) -> bool:
    return trait_of(op.kind, Arithmetic) is not None


def _is_carried(op: Op) -> bool:
    """A change of shape, or the crop of a transposed convolution, over whole channels."""
    is_cut = moves(op, "cut") and len(op.inputs) == 3  # without steps
    return moves(op, "view") or is_cut


def _takes_shape(op: Op) -> bool:
    """Whether the op gives its input the shape that an operand says."""
    return moves(op, "view") and trait_of(op.kind, ShapeOperand) is not None


def _is_channelwise(tensor: Tensor, channels: int) -> bool:
    """Whether a constant has one element, or one per channel along the last axis."""
    return tensor.elements == 1 or (tensor.elements == channels == tensor.shape[-1])


def _lowered(graph: Graph, op: Op) -> Graph | None:
    """PAD of a sequence behind the RESHAPE that makes an image of one row of it."""
    pads = integers(graph.tensors[op.inputs[1]]) if trait_of(op.kind, Pads) is not None else None
    behind = only_reader(graph, op.outputs[0])
    if pads is None or behind is None or not _takes_shape(behind):
        return None
    given, made = graph.tensors[op.inputs[0]], graph.tensors[behind.outputs[0]]
    padded = graph.tensors[op.outputs[0]].shape
    if len(padded) != 3 or made.shape != (padded[0], 1, *padded[1:]) or any(pads[:2]):
        return None
    shape = (given.shape[0], 1, *given.shape[1:])
    four = np.array([0, 0, *pads], np.int32).reshape(4, 2)
    graph = with_constant(graph, graph.tensors[op.inputs[1]].name, four)
    paddings = len(graph.tensors) - 1
    graph = with_constant(graph, f"{behind.name}/shape", np.array(shape, np.int32))
    image = Tensor(f"{given.name}/image", given.dtype, shape, given.quant)
    graph = replace(graph, tensors=(*graph.tensors, image))
    last = len(graph.tensors) - 1
    attrs = behind.attrs
    if "NewShape" in dict(attrs.values):
        attrs = attrs.having(NewShape=shape)
    first = replace(behind, name=image.name, inputs=(op.inputs[0], last - 1), outputs=(last,))
    second = replace(op, inputs=(last, paddings, *op.inputs[2:]), outputs=behind.outputs)
    return with_ops(graph, {id(op): replace(first, attrs=attrs), id(behind): second})
