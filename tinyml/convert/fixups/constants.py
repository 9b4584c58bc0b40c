"""Operators on constants computed here; tensors that nobody uses left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tinyml.base.errors import ModelError, TinymlError
from tinyml.convert.fixups.edit import are_constant
from tinyml.convert.flatwriter import write
from tinyml.convert.ranges import dequantize
from tinyml.convert.runners import float_runner
from tinyml.convert.tables import with_attrs
from tinyml.ir.dtype import BOOL, FLOAT32
from tinyml.ir.graph import Array, Graph, Op, Quant
from tinyml.ops import spec_of, trait_of
from tinyml.ops.cast import CAST
from tinyml.ops.float_only import FLOOR_DIV, FLOOR_MOD, NEG, SQRT, SQUARE
from tinyml.ops.repeat import BROADCAST_TO, FILL
from tinyml.ops.shape import SHAPE
from tinyml.ops.traits import Arithmetic, ByteMap, MovesOnly
from tinyml.passes.fold import folded
from tinyml.passes.rewrite import converts

_MAX_FOLDED_BYTES = 1 << 22
_LACKING = ("ellipsis_mask", "new_axis_mask", "offset")  # options that no reference heeds


def fold_constants(graph: Graph) -> Graph:
    """Computes ops whose operands are constants, and shapes, which are known."""
    return folded(graph, _known, _scales)


def _known(op: Op, graph: Graph) -> tuple[Array, ...] | None:
    """The result of an op, where it is of use as a constant."""
    if set(op.outputs) & set(graph.outputs):
        return None
    value = _value(op, graph)
    if value is None:
        return None
    made = graph.tensors[op.outputs[0]]
    has_room = value.size == made.elements and made.nbytes <= _MAX_FOLDED_BYTES
    return (value,) if has_room else None


def _scales(op: Op, graph: Graph) -> Quant | None:
    """Trained or stored scales stay with the weights."""
    tensor = op.inputs[0] if converts(op, "floats") else op.outputs[0]
    return graph.tensors[tensor].quant


def _value(op: Op, graph: Graph) -> Array | None:
    if len(op.outputs) != 1 or not op.inputs:
        return None
    if op.kind == SHAPE:
        return np.array(graph.tensors[op.inputs[0]].shape)
    if not are_constant(graph, op.inputs):
        return _decided(op, graph)
    if converts(op, "floats"):
        source = graph.tensors[op.inputs[0]]
        assert source.data is not None
        return source.data if source.quant is None else dequantize(source.data, source.quant)
    if dict(op.attrs.values).get("FusedActivationFunction"):
        return None
    if trait_of(op.kind, MovesOnly) is not None:
        return _moved(op, graph)
    values = [np.asarray(graph.tensors[i].data) for i in op.inputs if i >= 0]
    arithmetic, byte_map = trait_of(op.kind, Arithmetic), trait_of(op.kind, ByteMap)
    if arithmetic is not None:
        return np.asarray(arithmetic.compute(values[0], values[1]))
    if byte_map is not None and byte_map.real is not None:
        return byte_map.real(values[0])
    compute = _COMPUTE.get(op.kind)
    return _by_litert(op, graph) if compute is None else np.asarray(compute(values))


def _decided(op: Op, graph: Graph) -> Array | None:
    """A comparison of a value with itself, or with infinity: numbers are finite, one is as good."""
    made = graph.tensors[op.outputs[0]]
    operands = [graph.tensors[i] for i in op.inputs if i >= 0]
    if made.dtype != BOOL or len(operands) != 2 or {t.dtype for t in operands} != {FLOAT32}:
        return None
    bounds = [tensor.data for tensor in operands if tensor.data is not None]
    is_bound = any(data.size and np.isinf(data).all() for data in bounds)
    if not is_bound and op.inputs[0] != op.inputs[1]:
        return None
    tensors = list(graph.tensors)
    for i in op.inputs:
        if tensors[i].data is None:
            tensors[i] = replace(tensors[i], data=np.zeros(tensors[i].shape, np.float32))
    return _by_litert(op, replace(graph, tensors=tuple(tensors)))


def _by_litert(op: Op, graph: Graph) -> Array | None:
    """What LiteRT computes of constants without scales; None where it does not."""
    used = tuple(dict.fromkeys((*op.inputs, *op.outputs)))
    tensors = tuple(graph.tensors[i] for i in used if i >= 0)
    if -1 in used or any(tensor.quant is not None for tensor in tensors):
        return None
    places = {old: new for new, old in enumerate(used)}
    inputs, outputs = (tuple(places[i] for i in each) for each in (op.inputs, op.outputs))
    alone = replace(op, inputs=inputs, outputs=outputs)
    model = replace(graph, tensors=tensors, ops=(alone,), inputs=(), outputs=outputs)
    try:
        (found,) = float_runner(write(model)).outputs(())
    except (TinymlError, ValueError):
        return None  # operands that make no sense stay for others to complain of
    return found


def _moved(op: Op, graph: Graph) -> Array | None:
    """What the operator's reference gives, which does not look at values; None where it cannot."""
    values = [graph.tensors[i].data if i >= 0 else None for i in op.inputs]
    try:
        plain = with_attrs(op)
        if any(getattr(plain.attrs, name, 0) for name in _LACKING):
            return None
        (found,) = spec_of(op.kind).forms[0].reference(plain, graph, values)
    except (ModelError, ArithmeticError, AssertionError, LookupError, TypeError, ValueError):
        return None  # operands that make no sense stay for others to complain of
    return found


_COMPUTE: dict[str, Callable[[list[Array]], Array]] = {  # of operators without kernels of ours
    BROADCAST_TO: lambda v: np.broadcast_to(v[0], tuple(v[1])),
    CAST: lambda v: v[0],
    FLOOR_DIV: lambda v: np.floor_divide(*v),  # of sizes
    FLOOR_MOD: lambda v: np.mod(*v),
    FILL: lambda v: np.full(tuple(v[0]), v[1].reshape(-1)[0]),
    NEG: lambda v: -v[0],
    SQRT: lambda v: np.sqrt(v[0]),
    SQUARE: lambda v: v[0] * v[0],
}


def drop_unused_tensors(graph: Graph) -> Graph:
    """The graph without tensors that no op and no interface mentions."""
    used = sorted(
        {
            i
            for op in graph.ops
            for i in (*op.inputs, *op.outputs, *op.attrs.intermediates)
            if i >= 0
        }
        | set(graph.inputs)
        | set(graph.outputs)
    )
    number = {old: new for new, old in enumerate(used)} | {-1: -1}

    def renumbered(indices: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(number[i] for i in indices)

    ops = tuple(
        replace(
            op,
            inputs=renumbered(op.inputs),
            outputs=renumbered(op.outputs),
            attrs=replace(op.attrs, intermediates=renumbered(op.attrs.intermediates)),
        )
        for op in graph.ops
    )
    return replace(
        graph,
        tensors=tuple(graph.tensors[i] for i in used),
        ops=ops,
        inputs=renumbered(graph.inputs),
        outputs=renumbered(graph.outputs),
    )
