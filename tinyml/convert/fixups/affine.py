"""Batch normalisation that a framework left behind a layer: MUL and ADD into its weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.convert.fixups.edit import with_constant
from tinyml.convert.rules import has_weights, weights_of
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ops import trait_of
from tinyml.ops.traits import Arithmetic
from tinyml.passes.rewrite import maker, only_reader, with_ops


def fold_affine(graph: Graph) -> Graph:
    """Folds MUL, ADD, SUB and DIV by a constant per channel into the float layer before."""
    while True:
        for op in graph.ops:
            folded = _folded(graph, op)
            if folded is not None:
                graph = folded
                break
        else:
            return graph


def _folded(graph: Graph, op: Op) -> Graph | None:
    arithmetic = trait_of(op.kind, Arithmetic)
    if arithmetic is None:
        return None
    for side in (0, 1):
        layer = maker(graph, op.inputs[side])
        other = graph.tensors[op.inputs[1 - side]]
        if layer is None or other.data is None or not has_weights(layer):
            continue
        if side == 1 and arithmetic.sign in "-/":
            return None
        if only_reader(graph, layer.outputs[0]) is not op:
            return None
        if layer.attrs.get("FusedActivationFunction") != 0:
            return None
        channels = _per_channel(other.data, graph.tensors[layer.outputs[0]].shape)
        if channels is None:
            return None
        return _into(graph, (layer, op), channels, arithmetic.sign)
    return None


def _per_channel(data: Array, shape: tuple[int, ...]) -> Array | None:
    """A constant that is the same along all axes but the last, as one number per channel."""
    if data.dtype != np.float32 or (data.size != 1 and data.shape[-1:] != shape[-1:]):
        return None
    if data.size not in (1, shape[-1]):
        return None
    return np.broadcast_to(data.reshape(-1).astype(np.float64), (shape[-1],))


def _into(graph: Graph, ops: tuple[Op, Op], channels: Array, sign: str) -> Graph | None:
    layer, op = ops
    where = weights_of(layer)
    weights = graph.tensors[layer.inputs[where.weights]]
    has_bias = where.bias < len(layer.inputs) and layer.inputs[where.bias] >= 0
    bias = graph.tensors[layer.inputs[where.bias]].data if has_bias else np.zeros(len(channels))
    if weights.data is None or bias is None or weights.dtype != FLOAT32:
        return None
    if weights.quant is not None and sign in "*/":
        return None  # trained scales belong to the weights as they are
    factor = 1 / channels if sign == "/" else channels if sign == "*" else np.ones(len(channels))
    offset = {"+": channels, "-": -channels}.get(sign, np.zeros(len(channels)))
    along = [1] * weights.data.ndim
    along[where.axis] = len(channels)
    scaled = (weights.data * factor.reshape(along)).astype(np.float32)
    graph = with_constant(graph, weights.name, scaled, weights.quant)
    graph = with_constant(graph, f"{op.name}_bias", (bias * factor + offset).astype(np.float32))
    inputs = list(layer.inputs) + [-1] * (where.bias + 1 - len(layer.inputs))
    inputs[where.weights], inputs[where.bias] = len(graph.tensors) - 2, len(graph.tensors) - 1
    attrs = layer.attrs.having(FusedActivationFunction=op.attrs.get("FusedActivationFunction"))
    merged = replace(layer, name=op.name, inputs=tuple(inputs), outputs=op.outputs, attrs=attrs)
    return with_ops(graph, {id(layer): merged, id(op): None})
