"""Operators on constants computed here; tensors that nobody uses left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tinyml.convert.fixups.edit import are_constant
from tinyml.convert.ranges import dequantize
from tinyml.ir.graph import Array, Graph, Op

_MAX_FOLDED_BYTES = 1 << 22


def fold_constants(graph: Graph) -> Graph:
    """Computes ops whose operands are constants, and shapes, which are known."""
    tensors = list(graph.tensors)
    kept = []
    for op in graph.ops:
        current = replace(graph, tensors=tuple(tensors))
        value = _value(op, current)
        if value is None or set(op.outputs) & set(graph.outputs):
            kept.append(op)
            continue
        made = tensors[op.outputs[0]]
        data = np.ascontiguousarray(value, made.dtype.numpy)
        quant = made.quant
        if op.kind == "DEQUANTIZE":
            quant = tensors[op.inputs[0]].quant  # trained or stored scales stay with the weights
        if data.size == made.elements and data.nbytes <= _MAX_FOLDED_BYTES:
            data = data.reshape(made.shape)
            data.flags.writeable = False
            tensors[op.outputs[0]] = replace(made, data=data, quant=quant)
        else:
            kept.append(op)
    return replace(graph, tensors=tuple(tensors), ops=tuple(kept))


def _value(op: Op, graph: Graph) -> Array | None:
    if len(op.outputs) != 1 or not op.inputs:
        return None
    if op.kind == "SHAPE":
        return np.array(graph.tensors[op.inputs[0]].shape)
    if not are_constant(graph, op.inputs):
        return None
    if op.kind == "DEQUANTIZE":
        source = graph.tensors[op.inputs[0]]
        assert source.data is not None
        return source.data if source.quant is None else dequantize(source.data, source.quant)
    compute = _COMPUTE.get(op.kind)
    values = [graph.tensors[i].data for i in op.inputs if i >= 0]
    if compute is None or op.attrs.get("FusedActivationFunction") if _has_activation(op) else False:
        return None
    return None if compute is None else np.asarray(compute(op, [np.asarray(v) for v in values]))


def _has_activation(op: Op) -> bool:
    return "FusedActivationFunction" in dict(op.attrs.values)


def _strided_slice(op: Op, values: list[Array]) -> Array:
    data, begin, end, stride = values
    get = op.attrs.get
    parts: list[int | slice] = []
    for axis, (first, last, step) in enumerate(zip(begin, end, stride, strict=True)):
        bit = 1 << axis
        if get("ShrinkAxisMask") & bit:
            parts.append(int(first))
            continue
        low = None if get("BeginMask") & bit else int(first)
        high = None if get("EndMask") & bit else int(last)
        parts.append(slice(low, high, int(step)))
    return np.asarray(data[tuple(parts)])


_COMPUTE: dict[str, Callable[[Op, list[Array]], Array]] = {
    "ADD": lambda op, v: v[0] + v[1],
    "BROADCAST_TO": lambda op, v: np.broadcast_to(v[0], tuple(v[1])),
    "CAST": lambda op, v: v[0],
    "CONCATENATION": lambda op, v: np.concatenate(v, op.attrs.get("Axis")),
    "DIV": lambda op, v: v[0] / v[1],
    "EXPAND_DIMS": lambda op, v: np.expand_dims(v[0], int(v[1].reshape(-1)[0])),
    "FILL": lambda op, v: np.full(tuple(v[0]), v[1].reshape(-1)[0]),
    "MUL": lambda op, v: v[0] * v[1],
    "NEG": lambda op, v: -v[0],
    "PACK": lambda op, v: np.stack(v, op.attrs.get("Axis")),
    "RESHAPE": lambda op, v: v[0],
    "RSQRT": lambda op, v: 1 / np.sqrt(v[0]),
    "SQRT": lambda op, v: np.sqrt(v[0]),
    "SQUARE": lambda op, v: v[0] * v[0],
    "SQUEEZE": lambda op, v: v[0],
    "STRIDED_SLICE": _strided_slice,
    "SUB": lambda op, v: v[0] - v[1],
    "TRANSPOSE": lambda op, v: np.transpose(v[0], tuple(v[1])),
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
