"""Channels that nobody needs disappear, with their filters and with all that only reads them."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from tinyml.ir.graph import Array, Graph, Op, Quant, Tensor
from tinyml.ops import spec_of, trait_of
from tinyml.ops.traits import ShapeOperand, Weights
from tinyml.ops.weighted import BIAS, INPUT, WEIGHTS
from tinyml.passes.channels import (
    VARIES,
    BoolArray,
    Channels,
    channels_of,
    has_weights,
    is_channelwise,
    is_mixing,
    numbers_of,
)

_log = logging.getLogger("tinyml")


def drop_channels(graph: Graph) -> Graph:
    """Removes channels that never change, and those of which no output of the model is made.

    Their constant share of the next layer's sums goes into its biases: the same sums in the same 32
    bits, so all outputs stay the same.
    """
    channels = channels_of(graph)
    if all(item.is_needed.all() for item in channels.values()):
        return graph
    gone = sum(int(np.count_nonzero(~item.is_needed)) for item in channels.values())
    _log.debug("drop_channels: %d of %d", gone, sum(len(c.value) for c in channels.values()))
    tensors, ops = list(graph.tensors), []
    for op in graph.ops:
        if is_mixing(op, graph) or is_channelwise(op, graph):
            output = op.outputs[0]
            if has_weights(op, graph):
                _cut_constants(op, graph, channels, tensors)
            tensors[output] = _cut(tensors[output], -1, channels[output].is_needed)
            if trait_of(op.kind, ShapeOperand) is not None and not channels[output].is_needed.all():
                # Its second operand, or option, still says the old shape; without both the
                # declared one counts.
                op = replace(op, inputs=op.inputs[:1], attrs=spec_of(op.kind).attrs())
        ops.append(op)
    return replace(graph, tensors=tuple(tensors), ops=tuple(ops))


def _cut_constants(
    op: Op, graph: Graph, channels: dict[int, Channels], tensors: list[Tensor]
) -> None:
    """Cuts a layer's weights and bias down to the channels that are left."""
    kept = channels[op.outputs[0]].is_needed
    given = channels.get(op.inputs[INPUT])
    trait = trait_of(op.kind, Weights)
    assert trait is not None
    weights = _cut(tensors[op.inputs[WEIGHTS]], trait.axis, kept)
    has_bias = len(op.inputs) > BIAS and op.inputs[BIAS] >= 0
    if has_bias:
        bias = tensors[op.inputs[BIAS]]
        if given is not None and is_mixing(op, graph):
            bias = _with_data(bias, _folded(op, graph, given))
        tensors[op.inputs[BIAS]] = _cut(bias, 0, kept)
    if given is not None and is_mixing(op, graph):
        weights = _cut(weights, -1, given.is_needed)
    tensors[op.inputs[WEIGHTS]] = weights


def _folded(op: Op, graph: Graph, given: Channels) -> Array:
    """The biases with the constant share of the input channels that go."""
    numbers = numbers_of(op, graph)
    gone = ~given.is_needed & (given.value != VARIES)
    offset = np.where(gone, given.value - numbers.input_zero_point, 0)
    taps = numbers.weights.reshape(len(numbers.bias), -1, len(offset)).sum(axis=1)
    return np.asarray(numbers.bias + taps @ offset)


def _with_data(tensor: Tensor, data: Array) -> Tensor:
    assert tensor.data is not None
    made = data.astype(tensor.data.dtype).reshape(tensor.shape)
    made.flags.writeable = False
    return replace(tensor, data=made)


def _cut(tensor: Tensor, axis: int, kept: BoolArray) -> Tensor:
    """The tensor with some of its slices along an axis, and their scales."""
    if kept.all():
        return tensor
    axis %= len(tensor.shape)
    shape = (*tensor.shape[:axis], int(kept.sum()), *tensor.shape[axis + 1 :])
    data = tensor.data
    if data is not None:
        data = np.ascontiguousarray(np.compress(kept, data, axis=axis))
        data.flags.writeable = False
    return replace(tensor, shape=shape, data=data, quant=_cut_quant(tensor, axis, kept))


def _cut_quant(tensor: Tensor, axis: int, kept: BoolArray) -> Quant | None:
    quant = tensor.quant
    if quant is None or not quant.is_per_channel or quant.axis != axis:
        return quant
    chosen = np.flatnonzero(kept)
    scales = tuple(quant.scales[i] for i in chosen)
    points = quant.zero_points
    if len(points) == len(quant.scales):
        points = tuple(points[i] for i in chosen)
    return replace(quant, scales=scales, zero_points=points)
