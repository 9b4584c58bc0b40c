"""Traits of layers over images: rows, channels, weights, padding, against the integer reference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.support.models.trait_rows import Row, declared, holds_for, random_like
from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Array, Quant
from tinyml.ir.shapes import Window
from tinyml.model.scales import with_positive_scales
from tinyml.ops import layer_of, trait_of
from tinyml.ops.traits import Channels, DealsOut, ReadsPadding, Rows, Weights


def by_kind(trait: type) -> Any:
    return pytest.mark.parametrize("kind", declared(trait))


def the(kind: str, trait: type[Any]) -> Any:
    found = trait_of(kind, trait)
    assert found is not None
    return found


def windows(row: Row) -> tuple[Window, Window]:
    trait = the(row.op.kind, Rows)
    found: tuple[Window, Window] = trait.windows(row.op, row.graph)
    return found


def fill_of(row: Row) -> int | None:
    """The number that padding stands for."""
    quant = row.operand(0).quant
    assert quant is not None
    known = {"zero point": quant.zero_point, "lowest": -128, None: None}
    return known[the(row.op.kind, Rows).fill]


def unpadded(row: Row) -> Row:
    """The row whose padding is a border of its input."""
    fill = fill_of(row)
    assert fill is not None
    rows, columns = windows(row)
    around = ((0, 0), (rows.pad, rows.pad_after), (columns.pad, columns.pad_after), (0, 0))
    padded = np.pad(row.value(), around, constant_values=fill)
    return row.having(padding="VALID", pads=None).feed(0, padded)


@by_kind(Rows)
def test_a_row_is_made_of_the_rows_of_its_window(kind: str) -> None:
    def check(row: Row) -> bool | None:
        if len(row.made.shape) != 4:
            return None
        if the(kind, Rows).windows is None:
            return _is_element_by_element(row)
        axis, before = windows(row)[0], row.run()
        for k in {0, axis.out_size // 2, axis.out_size - 1}:
            seen = {k * axis.stride - axis.pad + tap * axis.dilation for tap in range(axis.kernel)}
            others = [y for y in range(axis.in_size) if y not in seen]
            value = row.value().copy()
            value[:, others] = random_like(value[:, others])
            if not np.array_equal(row.feed(0, value).run()[:, k], before[:, k]):
                return False
        return axis.out_size == before.shape[1]

    holds_for(kind, check)


def _is_element_by_element(row: Row) -> bool | None:
    places = [k for k, i in enumerate(row.op.inputs) if i in row.graph.inputs]
    if len(places) != len(row.op.inputs) or len(set(row.op.inputs)) != len(places):
        return None
    is_joined = the(row.op.kind, Rows).joins(row.op, row.graph)
    if any(row.operand(k).shape != row.made.shape for k in places) and not is_joined:
        return None
    before, after = row.run(), row
    for k in places:
        value = row.value(k).copy()
        value[:, 1:] = random_like(value[:, 1:])
        after = after.feed(k, value)
    return np.array_equal(after.run()[:, 0], before[:, 0])


@pytest.mark.parametrize("kind", [k for k in declared(Rows) if the(k, Rows).windows])
def test_padding_is_a_border_of_the_fill(kind: str) -> None:
    """Where padding is left out instead of read, there is nothing to fill with."""

    def check(row: Row) -> bool | None:
        if fill_of(row) is None or not any(w.pad or w.pad_after for w in windows(row)):
            return None if fill_of(row) is not None else True
        return np.array_equal(unpadded(row).run(), row.run())

    holds_for(kind, check)


@by_kind(ReadsPadding)
def test_padding_is_what_a_pad_of_zeros_would_do(kind: str) -> None:
    def check(row: Row) -> bool | None:
        rows, columns = windows(row)
        if not any(w.pad or w.pad_after for w in (rows, columns)):
            return None
        pads = (rows.pad, rows.pad_after, columns.pad, columns.pad_after)
        found = (unpadded(row), row.having(padding="VALID", pads=pads))
        return fill_of(row) is not None and all(
            np.array_equal(each.run(), row.run()) for each in found
        )

    holds_for(kind, check)


@pytest.mark.parametrize("kind", declared(DealsOut))
def test_images_have_pixels_that_are_a_block_apart(kind: str) -> None:
    def check(row: Row) -> bool:
        trait = the(kind, DealsOut)
        (rows, columns), sides = trait.block(row.op, row.graph), trait.sides(row.op, row.graph)
        small, large = (row.run(), row.value()) if not trait.puts_back else (row.value(), row.run())
        around = ((0, 0), *sides[: large.ndim - 2], (0, 0))
        zero = row.made.quant.zero_point if row.made.quant else 0
        whole = np.pad(large, around, constant_values=zero)
        if large.ndim == 3:
            small, whole = (value[:, :, None] for value in (small, whole))
        batches = len(large)
        for i, image in enumerate(small.reshape(-1, batches, *small.shape[1:])):
            wanted = whole[:, i // columns :: rows, i % columns :: columns]
            if trait.puts_back:  # what was cut off is not known
                kept = np.pad(np.ones_like(large, bool), around).reshape(whole.shape)
                is_kept = kept[:, i // columns :: rows, i % columns :: columns]
                image, wanted = image[is_kept], wanted[is_kept]
            if not np.array_equal(image, wanted):
                return False
        return True

    holds_for(kind, check)


@pytest.mark.parametrize("kind", [k for k in declared(Rows) if the(k, Rows).can_add_up])
def test_over_a_whole_image_only_sums_count(kind: str) -> None:
    def check(row: Row) -> bool | None:
        shape = row.operand(0).shape
        whole = row.having(
            kernel_h=shape[1], kernel_w=shape[2], stride_h=1, stride_w=1, padding="VALID"
        ).inferred()
        value = row.value()
        pixels = value.reshape(shape[0], -1, shape[3])
        order = np.random.default_rng(0).permutation(pixels.shape[1])
        return np.array_equal(whole.run(), whole.feed(0, pixels[:, order].reshape(shape)).run())

    holds_for(kind, check)


@pytest.mark.parametrize("kind", [k for k in declared(Channels) if not the(k, Channels).mixes])
def test_a_channel_is_made_of_one_channel(kind: str) -> None:
    def check(row: Row) -> bool | None:
        value, before = row.value(), row.run()
        if value.ndim < 2 or not the(kind, Channels).keeps(row.op, row.graph):
            return None
        times = the(kind, Channels).times(row.op)
        if before.shape[-1] != value.shape[-1] * times:
            return False
        c = value.shape[-1] // 2
        other = value.copy()
        other[..., c] = random_like(other[..., c])
        changed = np.flatnonzero(
            (row.feed(0, other).run() != before).reshape(-1, before.shape[-1]).any(0)
        )
        return set(changed.tolist()) <= set(range(c * times, (c + 1) * times))

    holds_for(kind, check)


@pytest.mark.parametrize("kind", [k for k in declared(Channels) if the(k, Channels).mixes])
def test_mixed_channels_meet_their_weights_along_the_last_axis(kind: str) -> None:
    """A channel whose weights are zeros does not matter."""

    def check(row: Row) -> bool | None:
        value, weights = row.value(), row.value(1)
        if value.shape[-1] != weights.shape[-1]:
            return None  # in groups, or rows flattened
        without = weights.copy()
        without[..., 0] = 0
        other = value.copy()
        other[..., 0] = random_like(other[..., 0])
        plain = row.feed(1, without)
        return np.array_equal(plain.run(), plain.feed(0, other).run())

    holds_for(kind, check)


@by_kind(Weights)
def test_weights_and_bias_lie_along_output_channels(kind: str) -> None:
    def check(row: Row) -> bool | None:
        where = the(kind, Weights)
        if row.op.inputs[where.value] not in row.graph.inputs:
            return False
        before = row.run().reshape(-1, row.made.shape[-1])
        c = before.shape[-1] // 2
        changed = [row.feed(where.weights, _turned(row.value(where.weights), where.axis, c))]
        if where.bias < len(row.op.inputs) and row.op.inputs[where.bias] >= 0:
            changed.append(row.feed(where.bias, _turned(row.value(where.bias), 0, c)))
        others = [k for k in range(before.shape[-1]) if k != c]
        results = [each.run().reshape(before.shape) for each in changed]
        return all(np.array_equal(found[:, others], before[:, others]) for found in results) and (
            len(layer_of(row.op, row.graph).numbers.weights) == before.shape[-1]
        )

    holds_for(kind, check)


def _turned(value: Array, axis: int, c: int) -> Array:
    """The constant with other signs in one slice."""
    other = np.moveaxis(value.copy(), axis, 0)
    other[c] = -other[c]
    return np.moveaxis(other, 0, axis)


@pytest.mark.parametrize("kind", [k for k in declared(Weights) if the(k, Weights).may_be_negative])
def test_signs_of_a_scale_and_of_its_weights_are_one(kind: str) -> None:
    def check(row: Row) -> bool | None:
        where = the(kind, Weights)
        quant, weights = row.operand(where.weights).quant, row.value(where.weights)
        if quant is None or not quant.is_per_channel or weights.min() == -128:
            return None
        if row.made.dtype != INT8:
            return None  # its factors are rounded in another way
        has_bias = where.bias < len(row.op.inputs) and row.op.inputs[where.bias] >= 0
        turned = row.feed(where.weights, _turned(weights, where.axis, 0))
        if has_bias:
            turned = turned.feed(where.bias, _turned(row.value(where.bias), 0, 0))
        scales = (-quant.scales[0], *quant.scales[1:])
        negative = Quant(scales, quant.zero_points, quant.axis)
        turned = turned.quantised(row.op.inputs[where.weights], negative)
        plain = replace(turned, graph=with_positive_scales(turned.graph))
        if row.operand(0).dtype != INT8:  # sums of 64 bits: the factor's sign is rounded with it
            return plain.is_refused()
        return not plain.is_refused() and np.array_equal(plain.run(), row.run())

    holds_for(kind, check)
