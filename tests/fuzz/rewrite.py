"""Whole files of wrong models: shapes, types, scales and operands changed, and written anew."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.convert import flatfile
from tinyml.ir.dtype import ALL
from tinyml.ir.graph import Graph, Op, Quant, Tensor

SIZES = (0, 1, 2, 3, 4, 5, 7, 16, 17, 64, 255, 1000, 65_536, 1 << 20, (1 << 20) + 1)
SCALES = (0.0, 1.0, 2.0**-100, 2.0**100, 2.0**-31, 2.0**35, 1 / 256, 1e-30, 1e30, 3e38)
POINTS = (-(1 << 31), -129, -128, -1, 0, 1, 127, 128, 255, (1 << 31) - 1)


def rewritten(data: bytes, chance: random.Random) -> bytes:
    """The model with one to three things of its graph changed."""
    try:
        graph = flatfile.read("base.tflite", data)
    except ModelError:
        return data
    for _ in range(chance.randint(1, 3)):
        graph = chance.choice(_CHANGES)(graph, chance)
    return flatfile.write(graph)


def _with_tensor(graph: Graph, index: int, tensor: Tensor) -> Graph:
    data = tensor.data
    if data is not None and (data.shape != tensor.shape or data.dtype != tensor.dtype.numpy):
        if tensor.elements > 1 << 12:
            return graph  # a constant of that size would be a file of that size
        held = np.resize(data, tensor.shape).astype(tensor.dtype.numpy)
        tensor = replace(tensor, data=np.ascontiguousarray(held).reshape(tensor.shape))
    tensors = list(graph.tensors)
    tensors[index] = tensor
    return replace(graph, tensors=tuple(tensors))


def _shape(graph: Graph, chance: random.Random) -> Graph:
    index = chance.randrange(len(graph.tensors))
    shape = list(graph.tensors[index].shape)
    way = chance.randrange(4)
    if way == 0 or not shape:
        shape.insert(chance.randint(0, len(shape)), chance.choice(SIZES))
    elif way == 1:
        shape.pop(chance.randrange(len(shape)))
    else:
        shape[chance.randrange(len(shape))] = chance.choice(SIZES)
    return _with_tensor(graph, index, replace(graph.tensors[index], shape=tuple(shape)))


def _dtype(graph: Graph, chance: random.Random) -> Graph:
    index = chance.randrange(len(graph.tensors))
    return _with_tensor(graph, index, replace(graph.tensors[index], dtype=chance.choice(ALL)))


def _quant(graph: Graph, chance: random.Random) -> Graph:
    index = chance.randrange(len(graph.tensors))
    tensor = graph.tensors[index]
    scale = float(np.float32(chance.choice([*SCALES, chance.uniform(0, 1)])))
    count = chance.choice([1, 1, 1, 2, *tensor.shape[:1], *tensor.shape[-1:]])
    count = count if count <= 64 else 1
    quant = Quant((scale,) * count, (chance.choice(POINTS),) * count, chance.randint(-1, 4))
    return _with_tensor(graph, index, replace(tensor, quant=chance.choice([None, quant, quant])))


def _constant(graph: Graph, chance: random.Random) -> Graph:
    """A constant becomes a value, a value a constant, or a constant has other values."""
    index = chance.randrange(len(graph.tensors))
    tensor = graph.tensors[index]
    if tensor.elements > 1 << 12:
        return graph
    value = chance.choice([-(1 << 31), -129, -2, -1, 0, 1, 2, 3, 7, 1 << 20, (1 << 31) - 1])
    data = np.full(tensor.shape, value, np.int64).astype(tensor.dtype.numpy)
    if tensor.data is not None and chance.randrange(2) and tensor.elements:
        data = tensor.data.copy()
        data.reshape(-1)[chance.randrange(tensor.elements)] = np.int64(value).astype(data.dtype)
    elif tensor.data is not None and chance.randrange(2):
        return _with_tensor(graph, index, replace(tensor, data=None))
    return _with_tensor(graph, index, replace(tensor, data=data))


def _operands(graph: Graph, chance: random.Random) -> Graph:
    """An operand is another tensor, absent, left off, added, or a result is."""
    number = chance.randrange(len(graph.ops))
    op = graph.ops[number]
    held = list(op.inputs if chance.randrange(3) else op.outputs)
    is_input = tuple(held) == op.inputs
    way = chance.randrange(4)
    some = chance.randrange(-1 if is_input else 0, len(graph.tensors))
    if way == 0 or not held:
        held.insert(chance.randint(0, len(held)), some)
    elif way == 1:
        held.pop(chance.randrange(len(held)))
    else:
        held[chance.randrange(len(held))] = some
    changed = replace(op, inputs=tuple(held)) if is_input else replace(op, outputs=tuple(held))
    return _with_op(graph, number, changed)


def _kind(graph: Graph, chance: random.Random) -> Graph:
    """An op is another operator, with the options that it had."""
    from tinyml.tflm.table import op_facts

    number = chance.randrange(len(graph.ops))
    return _with_op(
        graph, number, replace(graph.ops[number], kind=chance.choice(sorted(op_facts())))
    )


def _options(graph: Graph, chance: random.Random) -> Graph:
    number = chance.randrange(len(graph.ops))
    held = graph.ops[number].attrs
    numbers = [(k, v) for k, v in held.values if isinstance(v, int | float)]
    if not numbers:
        return graph
    name, old = chance.choice(numbers)
    if isinstance(old, float):
        new = chance.choice([0.0, -1.0, 1e30, -1e-30, 0.5])
    else:
        new = chance.choice([0, 1, 2, 3, 5, 100, -1, old + 1])
        new = new % 2 if isinstance(old, bool) else new
    return _with_op(graph, number, replace(graph.ops[number], attrs=held.having(**{name: new})))


def _ends(graph: Graph, chance: random.Random) -> Graph:
    """Inputs or outputs of the model are other tensors."""
    found = tuple(chance.randrange(len(graph.tensors)) for _ in range(chance.choice([0, 1, 1, 2])))
    return replace(graph, inputs=found) if chance.randrange(2) else replace(graph, outputs=found)


def _with_op(graph: Graph, number: int, op: Op) -> Graph:
    return replace(graph, ops=(*graph.ops[:number], op, *graph.ops[number + 1 :]))


_CHANGES: tuple[Callable[[Graph, random.Random], Graph], ...] = (
    _shape,
    _shape,
    _dtype,
    _quant,
    _quant,
    _constant,
    _constant,
    _operands,
    _operands,
    _kind,
    _options,
    _options,
    _ends,
)
