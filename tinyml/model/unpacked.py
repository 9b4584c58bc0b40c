"""Weights that a file holds in fewer bits than the layer computes in, as float32.

Converters pack the weights of float models: in int8 with scales ("dynamic range"), or in float16
behind a DEQUANTIZE. The layers compute in float32 all the same. TensorFlow Lite on a PC rounds the
activations of dynamic-range layers to int8 while it runs; here they stay as they are, which is
nearer to the model that was trained. TensorFlow Lite Micro refuses both.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph, Op, Tensor
from tinyml.model.arithmetic import hybrid_ops
from tinyml.ops import trait_of
from tinyml.ops.traits import Converts


def with_float_weights(graph: Graph) -> Graph:
    """The graph whose float32 layers have float32 constants."""
    return _without_float16(_without_hybrids(graph))


def _without_hybrids(graph: Graph) -> Graph:
    hybrid = {id(op) for op in hybrid_ops(graph)}
    tensors = list(graph.tensors)
    unpacked: dict[int, int] = {}

    def float_operand(i: int) -> int:
        if i < 0 or not _is_packed(graph.tensors[i]):
            return i
        if i not in unpacked:
            unpacked[i] = len(tensors)
            tensors.append(_unpacked(graph.tensors[i]))
        return unpacked[i]

    ops = tuple(
        replace(op, inputs=tuple(map(float_operand, op.inputs))) if id(op) in hybrid else op
        for op in graph.ops
    )
    return replace(graph, tensors=tuple(tensors), ops=ops)


def _is_packed(tensor: Tensor) -> bool:
    return tensor.is_constant and tensor.dtype.is_quantised and tensor.quant is not None


def _unpacked(tensor: Tensor) -> Tensor:
    assert tensor.data is not None
    assert tensor.quant is not None
    quant = tensor.quant
    shape = [-1 if i == quant.axis and quant.is_per_channel else 1 for i in range(tensor.data.ndim)]
    scales = np.array(quant.scales, np.float32).reshape(shape)
    zero_points = np.array(quant.zero_points, np.int64).reshape(shape)
    centred = (tensor.data.astype(np.int64) - zero_points).astype(np.float32)
    data = np.asarray(centred * scales, np.float32)
    data.flags.writeable = False
    return replace(tensor, dtype=FLOAT32, quant=None, data=data)


def _without_float16(graph: Graph) -> Graph:
    """The reader has made float32 of float16 constants, so that nothing is left to DEQUANTIZE."""
    same = {op.outputs[0]: op.inputs[0] for op in graph.ops if _does_nothing(op, graph)}
    if not same:
        return graph
    ops = tuple(
        replace(op, inputs=tuple(same.get(i, i) for i in op.inputs))
        for op in graph.ops
        if not (op.outputs and op.outputs[0] in same)
    )
    return replace(graph, ops=ops)


def _does_nothing(op: Op, graph: Graph) -> bool:
    trait = trait_of(op.kind, Converts)
    if trait is None or trait.to != "floats" or len(op.inputs) != 1 or op.inputs[0] < 0:
        return False
    given = graph.tensors[op.inputs[0]]
    return given.is_constant and given.dtype == FLOAT32 and op.outputs[0] not in graph.outputs
