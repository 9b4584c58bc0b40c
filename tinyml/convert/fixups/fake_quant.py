"""Scales that a model was trained with: FAKE_QUANT, and pairs of QUANTIZE and DEQUANTIZE.

The operators go; the float tensors keep the scales, and the quantiser uses them in place of what it
sees on samples.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.convert.fixups.edit import with_replaced, with_value
from tinyml.convert.ranges import quant_of_range, range_of_quant
from tinyml.convert.tables import options_of
from tinyml.ir.dtype import FLOAT32, INT8, UINT8
from tinyml.ir.graph import Graph, Op, Quant
from tinyml.ops import trait_of
from tinyml.ops.activation import RELU
from tinyml.ops.traits import ClampsOutput
from tinyml.passes.rewrite import (
    bypassed,
    converts,
    maker,
    only_reader,
    reader_counts,
    with_ops,
)

_NONE = 0  # ActivationFunctionType


def adopt_fake_quant(graph: Graph) -> Graph:
    """The graph without fake quantisation, its float tensors marked with the scales."""
    while True:
        for op in graph.ops:
            found = _trained(graph, op)
            if found is None:
                continue
            source, quant = found
            graph = _with_relu(graph, source, quant)
            held, identity = _as_one(_marked(graph, source, quant), op, source)
            shorter = bypassed(held, identity, source)
            if shorter is not None:
                graph = _marked(shorter, op.outputs[0], quant)
                break
        else:
            return graph


def _with_relu(graph: Graph, source: int, quant: Quant) -> Graph:
    """A RELU where scales that begin at 0 stand for one, as onnxruntime's quantiser leaves it out.

    In integers whoever writes the value saturates there; wider ones and floats would not.
    """
    op = maker(graph, source)
    if op is None or trait_of(op.kind, ClampsOutput) is None or reader_counts(graph)[source] != 1:
        return graph
    if range_of_quant(quant, 8)[0] != 0 or op.attrs.get("FusedActivationFunction") != _NONE:
        return graph
    name = graph.tensors[source].name
    graph, free = with_value(graph, f"{name}/free", graph.tensors[source].shape)
    relu = Op(RELU, name, (free,), (source,), options_of(RELU))
    return with_replaced(graph, op, (replace(op, outputs=(free,)), relu))


def _as_one(graph: Graph, op: Op, source: int) -> tuple[Graph, Op]:
    """The graph in which the op reads the float value itself, and the op there.

    A QUANTIZE that nobody else reads goes: it would keep a second reader on the value.
    """
    before = maker(graph, op.inputs[0])
    if not converts(op, "floats") or before is None:
        return graph, op
    identity = replace(op, inputs=(source,))
    changes: dict[int, Op | None] = {id(op): identity}
    if only_reader(graph, op.inputs[0]) is op:
        changes[id(before)] = None
    return with_ops(graph, changes), identity


def _marked(graph: Graph, tensor: int, quant: Quant) -> Graph:
    tensors = list(graph.tensors)
    tensors[tensor] = replace(tensors[tensor], quant=quant)
    return replace(graph, tensors=tuple(tensors))


def _trained(graph: Graph, op: Op) -> tuple[int, Quant] | None:
    """The float tensor behind an op of fake quantisation, and its scale as int8."""
    if op.kind == "FAKE_QUANT" and op.attrs.get("NumBits") == 8:
        low, high = min(0.0, op.attrs.get("Min")), max(0.0, op.attrs.get("Max"))
        source = graph.tensors[op.inputs[0]]
        if source.is_constant:
            return op.inputs[0], Quant((float(np.float32(max(-low, high) / 127)),), (0,))
        return op.inputs[0], quant_of_range(low, high, 8)
    if not converts(op, "floats"):
        return None
    before = maker(graph, op.inputs[0])
    if before is None or not converts(before, "integers"):
        return None
    between = graph.tensors[op.inputs[0]]
    if graph.tensors[before.inputs[0]].dtype != FLOAT32 or between.quant is None:
        return None
    shift = {INT8: 0, UINT8: 128}.get(between.dtype)
    if shift is None:
        return None
    zero_points = tuple(point - shift for point in between.quant.zero_points)
    return before.inputs[0], replace(between.quant, zero_points=zero_points)
