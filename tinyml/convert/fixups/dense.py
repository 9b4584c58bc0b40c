"""Layers that are a matrix product in disguise, as FULLY_CONNECTED."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.convert.fixups.edit import with_constant, with_replaced, with_value
from tinyml.convert.tables import options_of
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph, Op
from tinyml.ops import trait_of
from tinyml.ops.batch_matmul import BATCH_MATMUL
from tinyml.ops.elementwise import ADD
from tinyml.ops.fully_connected import FULLY_CONNECTED
from tinyml.ops.traits import Channels, Rows
from tinyml.passes.rewrite import with_ops


def as_fully_connected(graph: Graph) -> Graph:
    """Turns 1x1 convolutions of a single pixel and products with a constant matrix into one kind.

    The sums have the same terms, so integers come out equal. A convolution of more than one pixel
    stays: its kernels are the faster ones.
    """
    for op in graph.ops:
        if _is_convolution(op) and _is_single_pixel(graph, op):
            graph = _from_convolution(graph, op)
        elif op.kind == BATCH_MATMUL and _has_constant_matrix(graph, op):
            graph = _from_product(graph, op)
        elif op.kind == FULLY_CONNECTED and not graph.tensors[op.inputs[1]].is_constant:
            graph = _to_product(graph, op)
    return graph


def _to_product(graph: Graph, op: Op) -> Graph:
    """A layer whose weights are computed is a product of two values."""
    value, weights = op.inputs[:2]
    bias = op.inputs[2] if len(op.inputs) > 2 else -1
    given, made = graph.tensors[value].shape, graph.tensors[op.outputs[0]].shape
    columns = graph.tensors[weights].shape[1]
    if graph.tensors[value].dtype != FLOAT32 or given[-1] != columns or made[:-1] != given[:-1]:
        return graph
    parts: list[Op] = []
    result = op.outputs[0]
    activation = op.attrs.get("FusedActivationFunction")
    has_sum = bias >= 0 or activation != 0
    if has_sum:
        graph, result = with_value(graph, f"{op.name}/product", made)
    name = graph.tensors[result].name
    product = options_of(BATCH_MATMUL, AdjY=True)
    parts.append(Op(BATCH_MATMUL, name, (value, weights), (result,), product))
    if has_sum:
        if bias < 0:
            graph = with_constant(graph, f"{op.name}/zero", np.zeros(1, np.float32))
            bias = len(graph.tensors) - 1
        added = options_of(ADD, FusedActivationFunction=activation)
        parts.append(Op(ADD, op.name, (result, bias), op.outputs, added))
    return with_replaced(graph, op, parts)


def _is_convolution(op: Op) -> bool:
    """Whether the op sums up all channels of an image's windows."""
    channels = trait_of(op.kind, Channels)
    return channels is not None and channels.mixes and trait_of(op.kind, Rows) is not None


def _is_single_pixel(graph: Graph, op: Op) -> bool:
    image, weights = graph.tensors[op.inputs[0]], graph.tensors[op.inputs[1]]
    return (
        len(image.shape) == 4
        and image.shape[:3] == (1, 1, 1)
        and weights.data is not None
        and weights.shape[1:3] == (1, 1)
        and weights.shape[3] == image.shape[3]  # one group
    )


def _from_convolution(graph: Graph, op: Op) -> Graph:
    weights = graph.tensors[op.inputs[1]]
    assert weights.data is not None
    flat = weights.data.reshape(weights.shape[0], weights.shape[3])
    quant = weights.quant
    graph = with_constant(graph, weights.name, flat, quant)
    activation = op.attrs.get("FusedActivationFunction")
    return with_ops(graph, {id(op): _dense(graph, op, (op.inputs[0], op.inputs[2:]), activation)})


def _has_constant_matrix(graph: Graph, op: Op) -> bool:
    matrix = graph.tensors[op.inputs[1]]
    given = graph.tensors[op.inputs[0]]
    return (
        matrix.data is not None
        and given.data is None
        and matrix.quant is None
        and len(matrix.shape) >= 2
        and all(size == 1 for size in matrix.shape[:-2])
        and len(matrix.shape) <= len(given.shape)
        and not op.attrs.get("AdjX")
    )


def _from_product(graph: Graph, op: Op) -> Graph:
    matrix = graph.tensors[op.inputs[1]]
    assert matrix.data is not None
    data = matrix.data.reshape(matrix.shape[-2:])
    rows = data if op.attrs.get("AdjY") else np.ascontiguousarray(data.T)
    graph = with_constant(graph, matrix.name, rows)
    return with_ops(graph, {id(op): _dense(graph, op, (op.inputs[0], ()), 0)})


def _dense(graph: Graph, op: Op, operands: tuple[int, tuple[int, ...]], activation: int) -> Op:
    """A FULLY_CONNECTED that reads the constant added last."""
    value, rest = operands
    attrs = replace(
        options_of(FULLY_CONNECTED, FusedActivationFunction=activation, KeepNumDims=True),
        version=5,
    )
    inputs = (value, len(graph.tensors) - 1, *(rest or (-1,)))
    return replace(op, kind=FULLY_CONNECTED, inputs=inputs, attrs=attrs)
