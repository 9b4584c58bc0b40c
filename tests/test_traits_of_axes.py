"""The trait Axes: what an operator makes of a value whose axes lie in another order.

The converter removes transpositions by it; a wrong one would mix up pixels and channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from tests.support.models.trait_rows import Row, declared, holds_for
from tinyml.ir.graph import Array
from tinyml.ops import trait_of
from tinyml.ops.traits import Axes

Order = tuple[int, ...]
_MASKS = ("begin_mask", "end_mask", "shrink_axis_mask")


def axes_of(row: Row) -> Axes:
    found = trait_of(row.op.kind, Axes)
    assert found is not None
    return found


def turned(row: Row, order: Order, places: Sequence[int]) -> Row:
    """The row whose operands in some places lie in another order of axes."""
    done: set[int] = set()
    for k in places:
        if row.op.inputs[k] not in done:
            row = row.feed(k, row.value(k).transpose(order))
            done.add(row.op.inputs[k])
    return row


def reversed_axes(rank: int) -> Order:
    return tuple(reversed(range(rank)))


def is_turned(row: Row, other: Row, order: Sequence[int]) -> bool:
    """Whether the other row's result is the row's, turned."""
    shapes = [row.graph.tensors[i].shape for i in row.op.outputs]
    made = other.making(*(tuple(shape[axis] for axis in order) for shape in shapes))
    return np.array_equal(made.run(), row.run().transpose(order))


def without(order: Order, gone: set[int]) -> Order:
    """The order of the axes that are left."""
    left = [axis for axis in order if axis not in gone]
    return tuple(sorted(left).index(axis) for axis in left)


def each(row: Row) -> bool:
    order = reversed_axes(len(row.operand(0).shape))
    return is_turned(row, turned(row, order, (0,)), order)


def broadcast(row: Row) -> bool | None:
    rank = len(row.made.shape)
    if any(len(row.operand(k).shape) != rank for k in range(len(row.op.inputs))):
        return None
    order = reversed_axes(rank)
    return is_turned(row, turned(row, order, range(len(row.op.inputs))), order)


def per_axis(row: Row) -> bool:
    order, trait = reversed_axes(len(row.operand(0).shape)), axes_of(row)
    other = turned(row, order, (0,))
    done: set[int] = set()
    for k in trait.operands:
        if row.op.inputs[k] not in done:
            other = other.feed(k, row.value(k)[list(order)])
            done.add(row.op.inputs[k])
    gone: set[int] = set()
    if trait.has_masks:
        masks = {name: getattr(row.op.attrs, name) for name in _MASKS}
        gone = {axis for axis in order if masks["shrink_axis_mask"] >> axis & 1}
        other = other.having(
            **{
                name: sum(1 << k for k, axis in enumerate(order) if mask >> axis & 1)
                for name, mask in masks.items()
            }
        )
    return is_turned(row, other, without(order, gone))


def listed(row: Row) -> bool:
    order, (place,) = reversed_axes(len(row.operand(0).shape)), axes_of(row).operands
    gone = {int(axis) % len(order) for axis in row.value(place).reshape(-1)}
    places = np.array([order.index(axis) for axis in sorted(gone)], np.int32)
    other = turned(row, order, (0,)).feed(place, places)
    return is_turned(row, other, order if row.op.attrs.keep_dims else without(order, gone))


def number(row: Row) -> bool:
    (place,) = axes_of(row).operands
    value = next(k for k in range(len(row.op.inputs)) if k != place)
    order = reversed_axes(len(row.operand(value).shape))
    axis = order.index(int(row.value(place).reshape(-1)[0]) % len(order))
    moved = np.full_like(row.value(place), axis)
    return is_turned(row, turned(row, order, (value,)).feed(place, moved), order)


def option(row: Row) -> bool:
    order = reversed_axes(len(row.made.shape))
    axis = order.index(row.op.attrs.axis % len(order))
    other = turned(row, order, range(len(row.op.inputs))).having(axis=axis)
    return is_turned(row, other, order)


def last(row: Row) -> bool:
    rank = len(row.operand(0).shape)
    order = (*reversed_axes(rank - 1), rank - 1)
    return is_turned(row, turned(row, order, (0,)), order)


def order(row: Row) -> bool:
    turn, (place,) = reversed_axes(len(row.operand(0).shape)), axes_of(row).operands
    places = [turn.index(int(axis)) for axis in row.value(place)]
    other = turned(row, turn, (0,)).feed(place, np.array(places, np.int32))
    return np.array_equal(other.run(), row.run())


def view(row: Row) -> bool:
    return np.array_equal(row.run().reshape(-1), row.value().reshape(-1))


def flat(row: Row) -> bool | None:
    value, weights = row.value(), row.value(1)
    if value.shape[-1] != weights.shape[-1]:
        return None

    def mixed(held: Array) -> Array:
        return held[..., np.random.default_rng(2).permutation(held.shape[-1])]

    return np.array_equal(row.feed(0, mixed(value)).feed(1, mixed(weights)).run(), row.run())


CHECKS: dict[str, Callable[[Row], bool | None]] = {
    check.__name__: check
    for check in (each, broadcast, per_axis, listed, number, option, last, order, view, flat)
}


@pytest.mark.parametrize("kind", declared(Axes))
def test_axes_may_lie_in_another_order(kind: str) -> None:
    holds_for(kind, lambda row: CHECKS[axes_of(row).how](row))
