"""Traits are promises about what operators compute: a wrong one made wrong code elsewhere.

Each trait is held against the integer reference, over the rows of tests/ops.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.support.models.trait_rows import (
    KINDS,
    Row,
    declared,
    holds_for,
    random_like,
    real,
    rows_of,
)
from tinyml.ir.dtype import FLOAT32, INT8
from tinyml.ir.graph import Array, Quant
from tinyml.ops import trait_of
from tinyml.ops.common import CLAMPING, activation_range
from tinyml.ops.others import others
from tinyml.ops.traits import (
    Activation,
    Arithmetic,
    ByteMap,
    ClampsOutput,
    Converts,
    Homogeneous,
    MovesOnly,
    Pads,
    Scales,
    ShapeOperand,
    State,
    Steps,
)


def by_kind(trait: type) -> Any:
    return pytest.mark.parametrize("kind", declared(trait))


def the(kind: str, trait: type[Any]) -> Any:
    found = trait_of(kind, trait)
    assert found is not None
    return found


def clamped(row: Row, wanted: Array) -> Array:
    """Real numbers within what the output can hold."""
    assert row.made.quant is not None
    name = getattr(row.op.attrs, "activation", "NONE")
    bounds = np.array(activation_range(name, row.made.quant, row.made.dtype), np.int64)
    return np.clip(wanted, *real(bounds, row.made))


@by_kind(ByteMap)
def test_a_byte_map_knows_no_places(kind: str) -> None:
    def check(row: Row) -> bool:
        value = random_like(row.value())
        order = np.random.default_rng(1).permutation(value.size)
        moved = value.reshape(-1)[order].reshape(value.shape)
        before, after = row.feed(0, value).run(), row.feed(0, moved).run()
        return np.array_equal(before.reshape(-1)[order], after.reshape(-1))

    holds_for(kind, check)


@pytest.mark.parametrize("kind", [k for k in declared(ByteMap) if the(k, ByteMap).real])
def test_a_byte_map_stands_for_its_function(kind: str) -> None:
    def check(row: Row) -> bool | None:
        given, made = row.operand(0), row.made
        assert given.quant is not None
        assert made.quant is not None
        high = np.arange(given.quant.zero_point + 1, 128)
        if not high.size or given.dtype != INT8:
            return None
        value = np.resize(high, given.shape).astype(np.int8)
        wanted = clamped(row, the(kind, ByteMap).real(real(value, given)))
        return bool((abs(real(row.feed(0, value).run(), made) - wanted) <= made.quant.scale).all())

    holds_for(kind, check)


@by_kind(Arithmetic)
def test_arithmetic_is_that_of_real_numbers(kind: str) -> None:
    def check(row: Row) -> bool:
        if row.made.quant is None:  # whole numbers, which wrap
            values = row.value(0), row.value(1)
            made = the(kind, Arithmetic).compute(*values)
            return np.array_equal(row.having(activation="NONE").run(), made)
        operands = (real(row.value(k), row.operand(k)) for k in (0, 1))
        wanted = clamped(row, the(kind, Arithmetic).compute(*operands))
        # Operands are rescaled before they are added, which may cost one step more.
        return bool((abs(real(row.run(), row.made) - wanted) <= 1.5 * row.made.quant.scale).all())

    holds_for(kind, check)


@by_kind(MovesOnly)
def test_moves_do_not_look_at_values(kind: str) -> None:
    """Whatever stands for each value: the same stands for it behind the operator."""

    def check(row: Row) -> bool | None:
        places = [
            k for k, i in enumerate(row.op.inputs) if row.graph.tensors[i].dtype == row.made.dtype
        ]
        if any(row.operand(k).is_constant for k in places):
            return None
        renamed, other = row, row.made.dtype.numpy.type(0x5B)
        for k in places:
            renamed = renamed.feed(k, row.value(k) ^ other)
        is_moved = np.array_equal(renamed.run(), row.run() ^ other)
        if the(kind, MovesOnly).how == "view":
            is_moved &= np.array_equal(row.run().reshape(-1), row.value().reshape(-1))
        return is_moved

    holds_for(kind, check)


@pytest.mark.parametrize("kind", [k for k in declared(MovesOnly) if the(k, MovesOnly).parts])
def test_a_cut_takes_its_parts(kind: str) -> None:
    def check(row: Row) -> bool:
        value = row.value()
        for axis, part in enumerate(the(kind, MovesOnly).parts(row.op, row.graph)):
            places = part.start + part.step * np.arange(part.count)
            value = value.take(places, axis)
        return np.array_equal(value.reshape(-1), row.run().reshape(-1))

    holds_for(kind, check)


@by_kind(Pads)
def test_a_border_is_around_the_input(kind: str) -> None:
    def check(row: Row) -> bool:
        trait = the(kind, Pads)
        around = row.value(trait.amounts).reshape(-1, 2).tolist()
        quant = row.made.quant
        number = (quant.zero_point if quant else 0) if trait.value is None else None
        fill = row.value(trait.value).item() if number is None else number
        return np.array_equal(row.run(), np.pad(row.value(), around, constant_values=fill))

    holds_for(kind, check)


@by_kind(ClampsOutput)
def test_the_activation_clamps_what_would_come_out(kind: str) -> None:
    def check(row: Row) -> bool | None:
        plain = row.having(activation="NONE").run()
        if row.made.quant is None:  # no activation in front of whole numbers to fuse
            return None
        ranges = {name: activation_range(name, row.made.quant, row.made.dtype) for name in CLAMPING}
        return all(
            np.array_equal(row.having(activation=name).run(), np.clip(plain, low, high))
            for name, (low, high) in ranges.items()
            if low <= high
        )

    holds_for(kind, check)


@by_kind(Activation)
def test_an_activation_does_what_the_fused_one_does(kind: str) -> None:
    def check(row: Row) -> bool:
        given, made = row.op.inputs[0], row.op.outputs[0]
        same = row.quantised(made, row.graph.tensors[given].quant or Quant((1.0,), (0,)))
        assert same.made.quant is not None
        bounds = activation_range(the(kind, Activation).name, same.made.quant, same.made.dtype)
        return np.array_equal(same.run(), np.clip(same.value(), *bounds))

    holds_for(kind, check)


@by_kind(Homogeneous)
def test_a_factor_goes_through(kind: str) -> None:
    """The same bytes at four times the scale in front and behind."""

    def check(row: Row) -> bool:
        larger = row
        for i in (row.op.inputs[0], row.op.outputs[0]):
            quant = row.graph.tensors[i].quant
            if quant is not None:
                larger = larger.quantised(i, replace(quant, scales=(quant.scale * 4,)))
        plain = larger
        if hasattr(row.op.attrs, "activation"):
            row, plain = row.having(activation="NONE"), larger.having(activation="NONE")
        return np.array_equal(row.run(), plain.run())

    holds_for(kind, check)


def with_scale(row: Row, factor: float) -> Row:
    """The row whose output has another scale."""
    quant = row.made.quant
    assert quant is not None
    return row.quantised(row.op.outputs[0], replace(quant, scales=(quant.scale * factor,)))


@pytest.mark.parametrize("kind", [k for k in declared(Scales) if the(k, Scales).how == "same"])
def test_one_scale_for_all_is_never_left(kind: str) -> None:
    """An output of another scale is refused, or the same bytes: nothing is rescaled."""

    def check(row: Row) -> bool | None:
        if row.made.quant is None:
            return None
        other = with_scale(row, 2.0)
        if hasattr(row.op.attrs, "activation"):
            row, other = row.having(activation="NONE"), other.having(activation="NONE")
        return other.is_refused() or np.array_equal(other.run(), row.run())

    holds_for(kind, check)


@pytest.mark.parametrize("kind", [k for k in declared(Scales) if the(k, Scales).how == "own"])
def test_own_scales_are_heeded(kind: str) -> None:
    found = []
    for row in rows_of(kind):
        if row.made.quant is None:  # whole numbers
            continue
        other = with_scale(row, 2.0)
        if not other.is_refused():
            found.append(not np.array_equal(other.run(), row.run()))
    assert any(found)


@pytest.mark.parametrize("kind", [k for k in declared(Scales) if the(k, Scales).how == "fixed"])
def test_fixed_scales_are_demanded(kind: str) -> None:
    """Or computed in whatever is declared, as some of TFLM's kernels do."""

    def check(row: Row) -> bool | None:
        if row.operand(0).dtype != row.made.dtype:
            return None  # the quantiser keeps the width
        fixed = row.quantised(row.op.outputs[0], the(kind, Scales).fixed[row.made.dtype.bits])
        other = with_scale(fixed, 2.0)
        is_same = other.is_refused() or np.array_equal(other.run(), fixed.run())
        return is_same and not fixed.is_refused()

    holds_for(kind, check)


@pytest.mark.parametrize("kind", [k for k in declared(Scales) if the(k, Scales).carries_range])
def test_a_carried_range_does_not_grow(kind: str) -> None:
    def check(row: Row) -> bool | None:
        quant = row.made.quant
        assert quant is not None
        slopes = np.array(getattr(row.op.attrs, "alpha", 0.0))
        if len(row.op.inputs) > 1:
            slopes = real(row.value(1), row.operand(1))
        if abs(slopes).max() > 1:
            return None  # steeper than the identity
        reach = abs(real(row.value(), row.operand(0))).max()
        return bool(abs(real(row.run(), row.made)).max() <= reach + quant.scale)

    holds_for(kind, check)


@by_kind(State)
def test_state_is_what_variables_are(kind: str) -> None:
    def check(row: Row) -> bool:
        held = [k for k, i in enumerate(row.op.inputs) if row.graph.tensors[i].is_variable]
        return tuple(held) == the(kind, State).operands and not row.is_refused()

    holds_for(kind, check)


@by_kind(Steps)
def test_the_last_step_alone_is_the_last_of_all(kind: str) -> None:
    def check(row: Row) -> bool | None:
        steps = row.run()
        if steps.shape[1 if row.op.attrs.time_major else 0] != 1:
            return None
        last = steps.reshape(-1, steps.shape[-1])[-1]
        alone = row.having(is_last_only=True).making((1, *last.shape))
        return np.array_equal(alone.run().reshape(-1), last)

    holds_for(kind, check)


@by_kind(ShapeOperand)
def test_the_shape_is_that_of_the_result(kind: str) -> None:
    def check(row: Row) -> bool | None:
        position = the(kind, ShapeOperand).operand
        if position >= len(row.op.inputs):
            return None
        wanted = row.value(position).reshape(-1).tolist()
        pairs = zip(wanted, row.made.shape, strict=True)
        return all(size in (-1, found) for size, found in pairs)

    holds_for(kind, check)


@by_kind(Converts)
def test_conversions_keep_the_number(kind: str) -> None:
    def check(row: Row) -> bool:
        given, made = row.operand(0), row.made
        assert (made.dtype is FLOAT32) == (the(kind, Converts).to == "floats")
        step = made.quant.scale if made.quant is not None else 1e-5
        wanted = real(row.value(), given)
        if made.quant is not None:
            limits = np.iinfo(made.dtype.numpy)
            wanted = np.clip(wanted, *real(np.array([limits.min, limits.max]), made))
        return bool((abs(real(row.run(), made) - wanted) <= step + abs(wanted) * 1e-6).all())

    holds_for(kind, check)


@pytest.mark.parametrize("kind", KINDS)
def test_no_trait_is_declared_twice(kind: str) -> None:
    from tinyml.ops import spec_of

    held = [type(item) for item in spec_of(kind).traits]
    assert len(held) == len(set(held))


def test_no_operator_is_both_ours_and_another() -> None:
    assert not set(KINDS) & set(others())
