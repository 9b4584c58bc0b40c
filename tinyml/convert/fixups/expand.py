"""HARD_SWISH and PRELU as sums and products, which have 16-bit kernels."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

import numpy as np

from tinyml.convert.fixups.edit import Chain, with_constant
from tinyml.convert.tables import options_of
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph, Op, Tensor
from tinyml.ops.activation import RELU
from tinyml.ops.elementwise import ADD, MUL
from tinyml.ops.hard_swish import HARD_SWISH
from tinyml.ops.maximum import MINIMUM
from tinyml.ops.prelu import PRELU

_RELU6 = 3  # ActivationFunctionType


def expand_hard_swish(graph: Graph, results: Set[int]) -> Graph:
    """Replaces the HARD_SWISH that write ``results``: x * (relu6(x + 3) / 6)."""
    made: list[Op] = []
    for op in graph.ops:
        if op.kind != HARD_SWISH or op.outputs[0] not in results:
            made.append(op)
            continue
        value, result = op.inputs[0], graph.tensors[op.outputs[0]]
        graph = with_constant(graph, f"{op.name}/three", np.array(3, np.float32))
        graph = with_constant(graph, f"{op.name}/sixth", np.array(1 / 6, np.float32))
        first = len(graph.tensors)
        between = (
            Tensor(f"{op.name}/gate6", FLOAT32, result.shape),
            Tensor(f"{op.name}/gate", FLOAT32, result.shape),
        )
        graph = replace(graph, tensors=(*graph.tensors, *between))
        add = replace(options_of(ADD, FusedActivationFunction=_RELU6), version=2)
        mul = replace(options_of(MUL), version=2)
        made += [
            Op(ADD, between[0].name, (value, first - 2), (first,), add),
            Op(MUL, between[1].name, (first, first - 1), (first + 1,), mul),
            Op(MUL, op.name, (value, first + 1), op.outputs, mul),
        ]
    return replace(graph, ops=tuple(made))


def expand_prelu(graph: Graph, results: Set[int]) -> Graph:
    """Replaces the PRELU that write ``results``: relu(x) + slope * minimum(x, 0)."""
    for op in graph.ops:
        if op.kind != PRELU or op.outputs[0] not in results:
            continue
        chain = Chain(graph, op)
        value, slope = op.inputs
        shape = chain.shape(value)
        above = chain.add(RELU, (value,), shape)
        nothing = chain.constant(np.zeros((1,) * len(shape), np.float32))
        below = chain.add(MINIMUM, (value, nothing), shape)
        leak = chain.add(MUL, (below, slope), shape)
        chain.add(ADD, (above, leak), shape)
        graph = chain.closed()
    return graph
