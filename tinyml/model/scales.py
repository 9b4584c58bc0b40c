"""Weights with negative scales, as some training tools write them, with the signs turned.

A filter of scale ``-s`` and weights ``w`` is one of scale ``s`` and weights ``-w``. TensorFlow Lite
Micro takes it as it is: its factor is negative, and the product of sum and factor, which is all
that it rounds, is the same number as with both signs turned. Not so of int16 values: there the
factor is rounded too, and another one when it is negative.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.ir.dtype import INT8, INT32
from tinyml.ir.graph import Array, Graph, Op, Quant, Tensor
from tinyml.ops import trait_of
from tinyml.ops.traits import Weights

_WEIGHTS, _BIAS = 1, 2


def with_positive_scales(graph: Graph) -> Graph:
    """The graph in which filters with negative scales are turned, and their biases.

    Filters stay as they are where that cannot be said exactly: weights of -128, biases of -2**31,
    weights or biases that another op reads too. Their constraint then refuses them.
    """
    tensors = list(graph.tensors)
    for op in graph.ops:
        is_negative = _negative(op, graph)
        if is_negative is None:
            continue
        axis = _filter_axis(op)
        shape = [-1 if i == axis else 1 for i in range(4)]
        signs = np.where(is_negative, -1, 1)
        weights = tensors[op.inputs[_WEIGHTS]]
        tensors[op.inputs[_WEIGHTS]] = _turned(weights, signs.reshape(shape))
        if len(op.inputs) > _BIAS and op.inputs[_BIAS] >= 0:
            tensors[op.inputs[_BIAS]] = _turned(tensors[op.inputs[_BIAS]], signs)
    return replace(graph, tensors=tuple(tensors))


def _filter_axis(op: Op) -> int | None:
    """The axis of the filters, where their scales may be negative; TFLM refuses others."""
    trait = trait_of(op.kind, Weights)
    return trait.axis if trait is not None and trait.may_be_negative else None


def _negative(op: Op, graph: Graph) -> Array | None:
    """Which filters of a convolution are to be turned; None when none is, or not all can be."""
    axis = _filter_axis(op)
    if axis is None or len(op.inputs) <= _WEIGHTS:
        return None
    if op.inputs[0] < 0 or graph.tensors[op.inputs[0]].dtype != INT8:
        return None  # TFLM rounds the negative factor of int16 in another way
    weights = graph.tensors[op.inputs[_WEIGHTS]]
    quant = weights.quant
    if quant is None or weights.data is None or weights.dtype != INT8 or len(weights.shape) != 4:
        return None
    if graph.tensors[op.inputs[0]].dtype != INT8:
        return None
    is_negative = np.array(quant.scales) < 0
    if not is_negative.any() or quant.axis != axis or len(is_negative) != weights.shape[axis]:
        return None
    own = [i for i in op.inputs[_WEIGHTS:] if i >= 0]
    readers = [i for other in graph.ops for i in other.inputs if i in own]
    if len(readers) != len(own):
        return None
    if (np.moveaxis(weights.data, axis, 0)[is_negative] == np.iinfo(np.int8).min).any():
        return None
    bias = graph.tensors[own[1]] if len(own) > 1 else None
    if bias is not None:
        if bias.data is None or bias.dtype != INT32 or bias.data.shape != is_negative.shape:
            return None
        if (bias.data[is_negative] == np.iinfo(np.int32).min).any():
            return None
    return is_negative


def _turned(tensor: Tensor, signs: Array) -> Tensor:
    assert tensor.data is not None
    data = (tensor.data * signs).astype(tensor.data.dtype)
    data.flags.writeable = False
    quant = tensor.quant
    if quant is not None:
        quant = Quant(tuple(map(abs, quant.scales)), quant.zero_points, quant.axis)
    return replace(tensor, data=data, quant=quant)
