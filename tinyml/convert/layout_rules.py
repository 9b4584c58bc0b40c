"""How each operator works on a value whose axes lie in another order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinyml.convert.builder import moves_nothing
from tinyml.convert.layout_values import Layout, Rule, Value, flat_positions
from tinyml.ir.graph import Array, Op
from tinyml.ops import trait_of
from tinyml.ops.traits import Axes

_USUAL = {3: ((0, 2, 1),), 4: ((0, 2, 3, 1),), 5: ((0, 2, 3, 4, 1),)}  # channels last


def _transpose(layout: Layout, op: Op) -> tuple[Value, ...] | None:
    order = layout.data(op.inputs[1])
    value = layout.value(op.inputs[0])
    if order is None or value.flat is not None:
        return None
    places = [int(axis) for axis in order]
    return (Value(value.tensor, tuple(places.index(axis) for axis in value.order)),)


def _unary(layout: Layout, op: Op) -> tuple[Value, ...] | None:
    value = layout.value(op.inputs[0])
    before = layout.new.before_reshape(value.tensor)
    if len(op.inputs) == 1 and before != value.tensor:
        # Before the RESHAPE, so that it meets the layer that it may be fused into.
        (made,) = layout.new.again(op, (before,), (layout.new.shape(before),))
        reshaped = layout.new.reshape(made, layout.new.shape(value.tensor))
        return (Value(reshaped, value.order, value.flat),)
    (result,) = layout.made(op, (value.tensor, *op.inputs[1:]), (value.order,))
    return (replace(result, flat=value.flat),)


def _plain_unary(layout: Layout, op: Op) -> tuple[Value, ...] | None:
    value = layout.value(op.inputs[0])
    return tuple(layout.made(op, (value.tensor,), (value.order,)))


def _elementwise(layout: Layout, op: Op) -> tuple[Value, ...] | None:
    """Operators on operands of equal or broadcast shape."""
    rank = len(layout.shape(op.outputs[0]))
    flat = _flat_elementwise(layout, op)
    if flat is not None:
        return flat
    order = _leading_order(layout, op, rank)
    if order is None:
        return None
    inputs = []
    for index in op.inputs:
        short = rank - len(layout.shape(index))
        if not short:
            inputs.append(layout.bring(index, order))
            continue
        long = (*(1,) * short, *layout.shape(index))
        inputs.append(layout.new.transpose(layout.new.reshape(layout.bring(index), long), order))
    return tuple(layout.made(op, inputs, (order,)))


def _leading_order(layout: Layout, op: Op, rank: int) -> tuple[int, ...] | None:
    """The order of the largest operand that is not constant; None when it is the plain one."""
    largest = max(
        (i for i in op.inputs if layout.data(i) is None and len(layout.shape(i)) == rank),
        key=lambda i: layout.old.tensors[i].elements,
        default=None,
    )
    if largest is None or layout.value(largest).is_plain or layout.value(largest).flat:
        return None
    return layout.value(largest).order


def _flat_elementwise(layout: Layout, op: Op) -> tuple[Value, ...] | None:
    """A flattened image and constants, or flattened images of one order."""
    values = [layout.value(i) for i in op.inputs]
    flats = {value.flat for value in values if value.flat is not None}
    shape = layout.shape(op.outputs[0])
    if len(flats) != 1:
        return None
    flat = next(iter(flats))
    assert flat is not None
    inputs = []
    for index, value in zip(op.inputs, values, strict=True):
        data = layout.data(index)
        if value.flat == flat and layout.shape(index) == shape:
            inputs.append(value.tensor)
        elif data is not None and data.size == 1:
            inputs.append(index)
        elif data is not None and data.size == layout.old.tensors[op.outputs[0]].elements:
            moved = data.ravel()[flat_positions(*flat)].reshape(shape)
            inputs.append(layout.new.constant(layout.old.tensors[index].name, moved))
        else:
            return None
    (result,) = layout.made(op, inputs, (tuple(range(len(shape))),))
    return (replace(result, flat=flat),)


def _concatenation(layout: Layout, op: Op) -> tuple[Value, ...] | None:
    rank = len(layout.shape(op.outputs[0]))
    order = _leading_order(layout, op, rank)
    if order is None:
        return None
    axis = order.index(op.attrs.get("Axis") % rank)
    moved = replace(op, attrs=op.attrs.having(Axis=axis))
    return tuple(layout.made(moved, [layout.bring(i, order) for i in op.inputs], (order,)))


def _reduction(layout: Layout, op: Op) -> tuple[Value, ...] | None:
    value = layout.value(op.inputs[0])
    axes = layout.data(op.inputs[1])
    if value.flat is not None or axes is None:
        return None
    rank = len(value.order)
    reduced = {int(axis) % rank for axis in np.ravel(axes)}
    places = sorted(value.order.index(axis) for axis in reduced)
    order = value.order
    if not op.attrs.get("KeepDims"):
        left = [axis for axis in value.order if axis not in reduced]
        order = tuple(sorted(left).index(axis) for axis in left)
    const = layout.new.integers(layout.old.tensors[op.inputs[1]].name, places)
    return tuple(layout.made(op, (value.tensor, const), (order,)))


def _padding(layout: Layout, op: Op) -> tuple[Value, ...] | None:
    value = layout.value(op.inputs[0])
    pads = layout.data(op.inputs[1])
    if value.flat is not None or pads is None:
        return None
    const = layout.new.constant(layout.old.tensors[op.inputs[1]].name, pads[list(value.order)])
    return tuple(layout.made(op, (value.tensor, const, *op.inputs[2:]), (value.order,)))


def _slice(layout: Layout, op: Op) -> tuple[Value, ...] | None:
    value = layout.value(op.inputs[0])
    begin, size = (layout.data(i) for i in op.inputs[1:])
    if value.flat is not None or begin is None or size is None:
        return None
    order = list(value.order)
    consts = [layout.new.constant("begin", begin[order]), layout.new.constant("size", size[order])]
    return tuple(layout.made(op, (value.tensor, *consts), (value.order,)))


def _strided_slice(layout: Layout, op: Op) -> tuple[Value, ...] | None:
    value = layout.value(op.inputs[0])
    given = [layout.data(i) for i in op.inputs[1:]]
    rank = len(value.order)
    if value.flat is not None or any(item is None or len(item) != rank for item in given):
        return None
    if op.attrs.get("EllipsisMask") or op.attrs.get("NewAxisMask"):
        return None
    bounds: list[Array] = [item for item in given if item is not None]
    order = value.order
    masks = {
        name: sum(1 << k for k, axis in enumerate(order) if op.attrs.get(name) >> axis & 1)
        for name in ("BeginMask", "EndMask", "ShrinkAxisMask")
    }
    dropped = {axis for axis in order if op.attrs.get("ShrinkAxisMask") >> axis & 1}
    left = [axis for axis in order if axis not in dropped]
    consts = [layout.new.constant("bounds", item[list(order)]) for item in bounds]
    moved = replace(op, attrs=op.attrs.having(**masks))
    result = tuple(sorted(left).index(axis) for axis in left)
    return tuple(layout.made(moved, (value.tensor, *consts), (result,)))


def _split(layout: Layout, op: Op) -> tuple[Value, ...] | None:
    axis, value = layout.data(op.inputs[0]), layout.value(op.inputs[1])
    if axis is None or value.flat is not None:
        return None
    place = value.order.index(int(axis.ravel()[0]) % len(value.order))
    const = layout.new.constant("axis", np.array(place, np.int32))
    return tuple(layout.made(op, (const, value.tensor), (value.order,) * len(op.outputs)))


def _softmax(layout: Layout, op: Op) -> tuple[Value, ...] | None:
    value = layout.value(op.inputs[0])
    rank = len(value.order)
    return _plain_unary(layout, op) if not value.flat and value.order[-1:] == (rank - 1,) else None


def _reshape(layout: Layout, op: Op) -> tuple[Value, ...] | None:
    index, shape = op.inputs[0], layout.shape(op.outputs[0])
    value = layout.value(index)
    plain = tuple(range(len(shape)))
    if value.flat is not None:
        is_flat = max(shape, default=1) == layout.old.tensors[index].elements
        return (
            Value(layout.new.reshape(value.tensor, shape), plain, value.flat),
        ) * is_flat or None
    held = layout.new.shape(value.tensor)
    if moves_nothing(layout.shape(index), value.order):
        return (Value(layout.new.reshape(layout.bring(index), shape), plain),)
    order = _with_other_ones(layout.shape(index), value.order, shape)
    if order is not None:
        sizes = [shape[axis] for axis in order]
        return (Value(layout.new.reshape(value.tensor, sizes), order),)
    if max(shape, default=1) == layout.old.tensors[index].elements:
        return (Value(layout.new.reshape(value.tensor, shape), plain, (held, value.order)),)
    return None


def _with_other_ones(
    old: Sequence[int], order: Sequence[int], new: Sequence[int]
) -> tuple[int, ...] | None:
    """The order of axes after a reshape that only adds or removes dimensions of one element."""
    if [size for size in old if size != 1] != [size for size in new if size != 1]:
        return None
    was = [axis for axis in range(len(old)) if old[axis] != 1]
    now = [axis for axis in range(len(new)) if new[axis] != 1]
    wanted = [now[was.index(axis)] for axis in order if old[axis] != 1]
    for usual in _USUAL.get(len(new), ()):
        if [axis for axis in usual if new[axis] != 1] == wanted:
            return usual
    ones = [axis for axis in range(len(new)) if new[axis] == 1]
    return (*ones, *wanted)


def _fully_connected(layout: Layout, op: Op) -> tuple[Value, ...] | None:
    """Permutes the weights behind a flattened image."""
    value, weights = layout.value(op.inputs[0]), layout.data(op.inputs[1])
    if value.flat is None or weights is None:
        return None
    moved = weights[:, flat_positions(*value.flat)]
    name = layout.old.tensors[op.inputs[1]].name
    inputs = (value.tensor, layout.new.constant(name, moved), *op.inputs[2:])
    plain = tuple(range(len(layout.shape(op.outputs[0]))))
    return tuple(layout.made(op, inputs, (plain,)))


def _per_axis(layout: Layout, op: Op) -> tuple[Value, ...] | None:
    trait = trait_of(op.kind, Axes)
    assert trait is not None
    if trait.has_masks:
        return _strided_slice(layout, op)
    return _padding(layout, op) if len(trait.operands) == 1 else _slice(layout, op)


RULES: dict[str, Rule] = {  # by what the operator's axes are to it
    "broadcast": _elementwise,
    "each": _unary,
    "flat": _fully_connected,
    "last": _softmax,
    "listed": _reduction,
    "number": _split,
    "option": _concatenation,
    "order": _transpose,
    "per_axis": _per_axis,
    "view": _reshape,
}


def rule_of(kind: str) -> Rule | None:
    """The rule of an operator; None where its operands must lie as they were."""
    trait = trait_of(kind, Axes)
    return RULES[trait.how] if trait is not None else None
