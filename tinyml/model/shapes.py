"""Shapes that a model computes as it runs, computed when it is read.

Converters turn a reshape with a free batch size into SHAPE, STRIDED_SLICE, PACK and the like in
front of a RESHAPE, and declare 1 for whatever they do not know, which may be wrong. In a model with
inputs of fixed shape all that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod

import numpy as np

from tinyml import ops
from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT32, INT64
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.ops.forms import Form
from tinyml.ops.traits import (
    Arithmetic,
    Casts,
    DealsOut,
    FromShape,
    MovesOnly,
    ShapeOperand,
    WholeNumbers,
)

_MAX_SIZE, _MAX_RANK, _MAX_BYTES = 1 << 20, 8, 1 << 28  # as of tensors in a file
# What an operator's code may run into in a model whose constraints were not asked yet.
_CONFUSIONS = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, ModelError, TypeError),
    ValueError,
)
# Operators that we only know on shapes, which are vectors.
_COMPUTE: dict[str, Callable[[Sequence[Array]], object]] = {
    "REDUCE_PROD": lambda v: np.prod(v[0]),
}


def know_shapes(graph: Graph) -> Graph:
    """The graph with computed shapes as constants, without the ops that only led to them."""
    if not any(_is_computed(op, graph) or _is_shape(op) or _deals_out(op) for op in graph.ops):
        return graph
    known: dict[int, Array] = {}
    changed: list[Op] = []
    made = graph
    for op in graph.ops:
        value = _value(op, made, known)
        if value is not None:
            known[op.outputs[0]] = value
        elif len(op.outputs) == 1 and ops.trait_of(op.kind, ShapeOperand) is not None:
            made, op = _reshaped(made, op, known)
        elif _deals_out(op) or any(
            i >= 0 and made.tensors[i].shape != graph.tensors[i].shape for i in op.inputs
        ):
            made = _inferred(made, op)
        changed.append(op)
    return _with_constants(replace(made, ops=_still_read(graph, tuple(changed))), known)


def _with_constants(graph: Graph, known: dict[int, Array]) -> Graph:
    """The graph in which what is known is constant, and no op writes it."""
    tensors, fixed = list(graph.tensors), set(known) - set(graph.results)
    for i in fixed:
        data = np.array(known[i], tensors[i].dtype.numpy)
        data.setflags(write=False)
        tensors[i] = replace(tensors[i], shape=data.shape, data=data)
    ops = tuple(op for op in graph.ops if fixed.isdisjoint(op.outputs))
    return replace(graph, tensors=tuple(tensors), ops=ops)


def _shape_operand(op: Op) -> int | None:
    """The place of an operand that is the shape of the result; None where there is none."""
    trait = ops.trait_of(op.kind, ShapeOperand)
    if trait is None or trait.operand >= len(op.inputs) or op.inputs[trait.operand] < 0:
        return None
    return trait.operand


def _is_shape(op: Op) -> bool:
    return ops.trait_of(op.kind, FromShape) is not None


def _deals_out(op: Op) -> bool:
    """Whether an op makes several images of one: behind a free batch size one image is declared."""
    trait = ops.trait_of(op.kind, DealsOut)
    return trait is not None and not trait.puts_back


def _is_computed(op: Op, graph: Graph) -> bool:
    position = _shape_operand(op)
    if position is None:
        return False
    tensor = graph.tensors[op.inputs[position]]
    return tensor.dtype == INT32 and not tensor.is_constant


def _value(op: Op, graph: Graph, known: dict[int, Array]) -> Array | None:
    """The result of an op on shapes; None where it is not known."""
    if len(op.outputs) != 1 or graph.tensors[op.outputs[0]].dtype not in (INT32, INT64):
        return None
    is_shape = _is_shape(op)
    values = [known.get(i, graph.tensors[i].data) if i >= 0 else None for i in op.inputs]
    present = [value for value in values if value is not None]
    if len(present) < len(values) and not is_shape:
        return None
    made = graph.tensors[op.outputs[0]]
    arithmetic = ops.trait_of(op.kind, Arithmetic)
    try:
        if op.kind in _COMPUTE:
            found = np.asarray(_COMPUTE[op.kind](present))
        elif arithmetic is not None and ops.trait_of(op.kind, WholeNumbers) is not None:
            found = np.asarray(arithmetic.compute(*present))
        else:
            form = _form(op, graph)
            if form is None:
                return None
            (found,) = form.reference(op, graph, values)
        return found.reshape(made.shape)
    except _CONFUSIONS:
        return None


def _form(op: Op, graph: Graph) -> Form | None:
    """A form that computes an op on shapes: one for its types, or any where types do not matter."""
    spec = ops.all_ops().get(op.kind)
    if spec is None:
        return None
    is_untyped = any(ops.trait_of(op.kind, trait) for trait in (MovesOnly, Casts))
    return spec.forms[0] if is_untyped else ops.find_form(op, graph)


def _reshaped(graph: Graph, op: Op, known: dict[int, Array]) -> tuple[Graph, Op]:
    """The graph with an op's result in the shape that its operand says, and the op."""
    position = _shape_operand(op)
    if position is None:
        return graph, op
    index, result = op.inputs[position], op.outputs[0]
    operand = graph.tensors[index]
    wanted = known.get(index, operand.data)
    tensors = list(graph.tensors)
    moves = ops.trait_of(op.kind, MovesOnly)
    is_view = moves is not None and moves.how == "view"
    elements = tensors[op.inputs[0]].elements if is_view else 0
    shape = _resolved(wanted, elements)
    if shape is not None:
        tensors[result] = replace(tensors[result], shape=shape)
    if operand.is_constant or operand.dtype != INT32:
        return replace(graph, tensors=tuple(tensors)), op
    inputs = list(op.inputs)
    inputs[position] = len(tensors)
    tensors.append(_constant(operand.name, tensors[result].shape))
    return replace(graph, tensors=tuple(tensors)), replace(op, inputs=tuple(inputs))


def _resolved(wanted: Array | None, elements: int) -> tuple[int, ...] | None:
    """A shape with its one free size filled in; None where that makes no sense.

    ``elements`` is 0 where any number will do.
    """
    if wanted is None or wanted.size > _MAX_RANK:
        return None
    sizes = [int(size) for size in np.ravel(wanted)]
    if sizes.count(-1) == 1 and elements:
        fixed = -prod(sizes)
        sizes = [size if size != -1 else elements // max(fixed, 1) for size in sizes]
    is_sound = all(1 <= size <= _MAX_SIZE for size in sizes) and prod(sizes) <= _MAX_BYTES
    return tuple(sizes) if is_sound and prod(sizes) == (elements or prod(sizes)) else None


def _inferred(graph: Graph, op: Op) -> Graph:
    """The graph with the results of an op in the shapes that follow from its operands."""
    spec = ops.all_ops().get(op.kind)
    if spec is None:
        return graph
    try:
        shapes = spec.infer(op, graph)
    except _CONFUSIONS:
        return graph
    tensors = list(graph.tensors)
    for i, shape in zip(op.outputs, shapes, strict=False):
        if prod(shape) <= _MAX_BYTES:
            tensors[i] = replace(tensors[i], shape=shape)
    return replace(graph, tensors=tuple(tensors))


def _constant(name: str, shape: tuple[int, ...]) -> Tensor:
    data = np.array(shape, np.int32)
    data.setflags(write=False)
    return Tensor(name, INT32, data.shape, None, data)


def _still_read(graph: Graph, changed: tuple[Op, ...]) -> tuple[Op, ...]:
    """The ops without those whose results had a reader before and have none any more."""
    read_before = {i for op in graph.ops for i in op.inputs}
    read = set(graph.results)
    kept = []
    for op in reversed(changed):
        if read.isdisjoint(op.outputs) and not read_before.isdisjoint(op.outputs):
            continue
        read.update(op.inputs)
        kept.append(op)
    return tuple(reversed(kept))
