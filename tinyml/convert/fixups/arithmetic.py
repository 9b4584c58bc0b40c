"""Powers and quotients as products, which have integer kernels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml.convert.fixups.edit import with_constant, with_replaced, with_value
from tinyml.convert.tables import options_of
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph, Op
from tinyml.ops.div import DIV
from tinyml.ops.elementwise import MUL
from tinyml.ops.float_only import SQUARE
from tinyml.ops.rsqrt import RSQRT

_MAX_POWER = 4  # more products would round too often
_RSQRT = -0.5


def as_products(graph: Graph) -> Graph:
    """MUL for SQUARE, POW by a small whole number and DIV; RSQRT for POW by -0.5."""
    for op in graph.ops:
        if not op.outputs or graph.tensors[op.outputs[0]].dtype != FLOAT32:
            continue
        if op.kind == SQUARE:
            graph = _power(graph, op, 2)
        elif op.kind == "POW":
            graph = _of_pow(graph, op)
        elif op.kind == DIV:
            graph = _quotient(graph, op)
    return graph


def _of_pow(graph: Graph, op: Op) -> Graph:
    exponents = graph.tensors[op.inputs[1]].data
    same_shape = graph.tensors[op.inputs[0]].shape == graph.tensors[op.outputs[0]].shape
    if exponents is None or len(set(exponents.ravel().tolist())) != 1 or not same_shape:
        return graph
    exponent = float(exponents.ravel()[0])
    if exponent == _RSQRT:
        root = replace(op, kind=RSQRT, inputs=op.inputs[:1], attrs=options_of(RSQRT))
        return with_replaced(graph, op, (root,))
    whole = exponent in range(1, _MAX_POWER + 1)
    return _power(graph, op, int(exponent)) if whole else graph


def _power(graph: Graph, op: Op, exponent: int) -> Graph:
    """x times x, times x ...; the first power is a product with 1."""
    value = last = op.inputs[0]
    made: list[Op] = []
    if exponent == 1:
        graph = with_constant(graph, f"{op.name}/one", np.array(1, np.float32))
        value = len(graph.tensors) - 1
    for number in range(max(exponent - 1, 1)):
        is_last = number == max(exponent - 2, 0)
        result, name = op.outputs[0], op.name
        if not is_last:
            name = f"{op.name}/power_{number + 2}"
            graph, result = with_value(graph, name, graph.tensors[op.outputs[0]].shape)
        made.append(Op(MUL, name, (last, value), (result,), options_of(MUL)))
        last = result
    return with_replaced(graph, op, tuple(made))


def _quotient(graph: Graph, op: Op) -> Graph:
    divisor = graph.tensors[op.inputs[1]]
    if divisor.data is None:
        return _by_reciprocal(graph, op)
    if not np.all(divisor.data):
        return graph
    graph = with_constant(graph, f"{op.name}/factor", (1 / divisor.data).astype(np.float32))
    activation = op.attrs.get("FusedActivationFunction")
    attrs = options_of(MUL, FusedActivationFunction=activation)
    product = replace(op, kind=MUL, inputs=(op.inputs[0], len(graph.tensors) - 1), attrs=attrs)
    return with_replaced(graph, op, (product,))


def _by_reciprocal(graph: Graph, op: Op) -> Graph:
    """A product with one over the divisor, which is a function of it alone."""
    if graph.tensors[op.inputs[0]].elements == 1 and graph.tensors[op.inputs[0]].is_constant:
        return graph
    shape = graph.tensors[op.inputs[1]].shape
    graph = with_constant(graph, f"{op.name}/one", np.ones((1,) * len(shape), np.float32))
    one = len(graph.tensors) - 1
    graph, inverse = with_value(graph, f"{op.name}/inverse", shape)
    over = Op(DIV, f"{op.name}/inverse", (one, op.inputs[1]), (inverse,), options_of(DIV))
    activation = op.attrs.get("FusedActivationFunction")
    attrs = options_of(MUL, FusedActivationFunction=activation)
    product = replace(op, kind=MUL, inputs=(op.inputs[0], inverse), attrs=attrs)
    return with_replaced(graph, op, (over, product))
