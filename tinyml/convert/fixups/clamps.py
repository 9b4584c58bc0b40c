"""Bounds on values: what is no RELU, as clamps that integers get for nothing, or as RELU and sums.

A value clamped at a number needs no operator in eight bits: the scale of the result ends there,
and whoever writes it saturates (``is_clamp``). Zero is always on a scale, so bounds beyond it, and
the larger or smaller of two values, become ``a + relu(b - a)``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.convert.fixups.edit import with_constant, with_replaced, with_value
from tinyml.convert.rules import bound_of, clamped_value, is_clamp
from tinyml.convert.tables import options_of
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph, Op
from tinyml.ops import trait_of
from tinyml.ops.activation import RELU
from tinyml.ops.elementwise import ADD, SUB
from tinyml.ops.maximum import MAXIMUM, MINIMUM
from tinyml.ops.traits import Activation
from tinyml.passes.rewrite import maker, only_reader, with_ops

_RELU = 1  # ActivationFunctionType
_BOUNDS = {"RELU_0_TO_1": (0.0, 1.0), "RELU_N1_TO_1": (-1.0, 1.0)}


def put_relu_first(graph: Graph) -> Graph:
    """RELU for a MAXIMUM with 0, and in front of a MINIMUM: there a layer can take it in."""
    for op in graph.ops:
        if op.kind == MAXIMUM and is_clamp(op, graph) and bound_of(op, graph) == 0:
            value = clamped_value(op, graph)
            assert value is not None
            relu = replace(op, kind=RELU, inputs=(value,), attrs=options_of(RELU))
            graph = with_replaced(graph, op, (relu,))
    for op in graph.ops:
        before = maker(graph, op.inputs[0]) if _is_relu(op) else None
        if before is None or before.kind != MINIMUM or not is_clamp(before, graph):
            continue
        (between,), value = before.outputs, clamped_value(before, graph)
        if only_reader(graph, between) is op and value is not None:
            relu = replace(op, name=before.name, inputs=(value,), outputs=(between,))
            inputs = tuple(between if i == value else i for i in before.inputs)
            bounded = replace(before, name=op.name, inputs=inputs, outputs=op.outputs)
            graph = with_ops(graph, {id(before): relu, id(op): bounded})
    return graph


def _is_relu(op: Op) -> bool:
    return trait_of(op.kind, Activation) == trait_of(RELU, Activation)


def lower_clamps(graph: Graph) -> Graph:
    """RELU_N1_TO_1 and RELU_0_TO_1 as MAXIMUM and MINIMUM; those of two values as sums."""
    for op in graph.ops:
        if graph.tensors[op.outputs[0]].dtype != FLOAT32 if op.outputs else True:
            continue
        if op.kind in _BOUNDS:
            graph = _bounded(graph, op)
        elif op.kind in (MAXIMUM, MINIMUM) and not is_clamp(op, graph):
            graph = _summed(graph, op)
    return graph


def _bounded(graph: Graph, op: Op) -> Graph:
    """max(x, low), then min(.., high)."""
    low, high = _BOUNDS[op.kind]
    graph = with_constant(graph, f"{op.name}/low", np.array(low, np.float32))
    graph = with_constant(graph, f"{op.name}/high", np.array(high, np.float32))
    first = len(graph.tensors) - 2
    graph, raised = with_value(graph, f"{op.name}/raised", graph.tensors[op.outputs[0]].shape)
    above = Op(MAXIMUM, f"{op.name}/raised", (op.inputs[0], first), (raised,), None)
    below = Op(MINIMUM, op.name, (raised, first + 1), op.outputs, None)
    made = tuple(replace(each, attrs=options_of(each.kind)) for each in (above, below))
    return with_replaced(graph, op, made)


def _summed(graph: Graph, op: Op) -> Graph:
    """max(a, b) = a + relu(b - a), min(a, b) = a - relu(a - b)."""
    graph, change = with_value(graph, f"{op.name}/change", graph.tensors[op.outputs[0]].shape)
    a, b = op.inputs
    if graph.tensors[a].is_constant:
        a, b = b, a
    is_greater = op.kind == MAXIMUM
    positive = options_of(SUB, FusedActivationFunction=_RELU)
    between = Op(SUB, f"{op.name}/change", (b, a) if is_greater else (a, b), (change,), positive)
    kind = ADD if is_greater else SUB
    last = replace(op, kind=kind, inputs=(a, change), attrs=options_of(kind))
    return with_replaced(graph, op, (between, last))
