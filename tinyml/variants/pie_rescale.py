"""How sums in lanes of the ESP32-S3's vector unit become outputs: constants, and their cost."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinyml.ir.kernel import Constant, Struct
from tinyml.ir.requant import IntArray, Rescaling
from tinyml.ir.requant_halves import MOST_LEFT, Halves, solve_most
from tinyml.ops.common import clamp_struct
from tinyml.ops.weighted import WeightedSum

LANES = 16
LANE_BITS = 20
FEW_LANES = 8  # of a layer with no more channels
SUMS_BYTES = 128  # of scratch: for reading lanes, and for sums that leave them
_MASKS = (-(1 << 12), -(1 << 31) + (1 << 15))  # bits of a lane at a word's top; 2**15 in each half
_GROUP_SINGLES, _SINGLE = 4, 4  # words of a group of channels, and of a single
_ORDER = {16: (0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15), 8: tuple(range(8))}


@dataclass(frozen=True, slots=True, eq=False)
class Singles:
    """Channels whose constants are not proved; they are rescaled one by one, as TFLM does."""

    factors: IntArray  # [channels, 3]: bias, multiplier, shift
    zero_point: int  # of the output
    shifts_right: bool  # tml_requantise_right is valid


@dataclass(frozen=True, slots=True, eq=False)
class LaneScales:
    """A layer for the vector unit: weights, and how the sums of its lanes are rescaled."""

    weights: IntArray  # [channels, taps]; zeros where a channel's output never changes
    halves: Halves
    bounds: tuple[int, int]
    singles: Singles | None = None

    def lanes(self, *, is_split: bool = False) -> int:
        """Channels of a group, whose sums are added up in memory where ``is_split``."""
        is_plain = self.halves.left == MOST_LEFT and not is_split
        return FEW_LANES if len(self.weights) <= FEW_LANES and is_plain else LANES

    def struct(self) -> Struct:
        """A ``tml_pie_rescale``."""
        return Struct(
            "tml_pie_rescale",
            (
                ("left", self.halves.left),
                ("right", self.halves.right),
                ("is_exact", self.halves.is_exact),
                ("is_signed", self.halves.border is not None),
                ("has_base", self.halves.base is not None),
                ("has_singles", self.singles is not None),
                ("shifts_right", self.singles is not None and self.singles.shifts_right),
                ("zero_point", 0 if self.singles is None else self.singles.zero_point),
                ("clamp", clamp_struct(self.bounds)),
            ),
        )

    def constant(self, lanes: int) -> Constant:
        """The words of lanes.h for groups of so many channels."""
        order = np.array(_ORDER[lanes])
        multiplier = _groups(self.halves.multiplier, order)
        low = ((multiplier + (1 << 15)) & 0xFFFF) - (1 << 15)
        halves = np.stack(((multiplier - low) >> 16, low), axis=1)  # [groups, 2, lanes]
        # Eight channels' Fh, then their Fl, in pairs of 16 bits.
        eights = halves.reshape(len(halves), 2, lanes // 8, 4, 2).transpose(0, 2, 1, 3, 4)
        factors = (eights[..., 0] & 0xFFFF) | (eights[..., 1] << 16)
        parts = [self.halves.offset]
        if self.halves.border is not None and self.halves.below is not None:
            parts = [self.halves.border, self.halves.below, self.halves.offset]
        fours = np.stack(
            [_groups(part, order).reshape(-1, lanes // 4, 4) for part in parts], axis=2
        )
        words = [item.reshape(len(halves), -1) for item in (fours, factors)]
        if self.halves.base is not None:
            base = np.zeros(len(halves) * LANES, np.int8)  # one group where there are few lanes
            base[: len(self.weights)] = self.halves.base
            words.append(base.view(np.int32).astype(np.int64).reshape(len(halves), -1))
        front = [*_MASKS, *self.bounds]
        singles = self._singles(lanes, len(front) + sum(item.size for item in words))
        data = np.concatenate(
            [front, np.concatenate((*words, singles[0]), axis=1).reshape(-1), singles[1]]
        )
        return Constant(
            "scales",
            data.astype(np.int32),
            f"masks, bounds; per {lanes} channels: offsets, halves of the factors, base if any"
            + ("" if self.singles is None else ", count and place of singles; the singles"),
            alignment=LANES,
        )

    def _singles(self, lanes: int, before: int) -> tuple[IntArray, IntArray]:
        """Words of each group, [groups, 0 or 4], behind ``before`` others; the singles."""
        groups = -(-len(self.weights) // lanes)
        if self.singles is None or self.halves.unproved is None:
            return np.zeros((groups, 0), np.int64), np.zeros(0, np.int64)
        channels = np.flatnonzero(self.halves.unproved)
        count = np.bincount(channels // lanes, minlength=groups)
        words = np.zeros((groups, _GROUP_SINGLES), np.int64)
        words[:, 0] = count
        words[:, 1] = before + words.size + _SINGLE * (np.cumsum(count) - count)
        return words, np.column_stack((channels % lanes, self.singles.factors)).reshape(-1)

    def cost(self, lanes: int) -> int:
        """Instructions from the sums in the lanes to outputs in a vector register."""
        is_signed, few = self.halves.border is not None, lanes == FEW_LANES
        cost = 24 + 18 if few else 41 + 31
        cost += (8 if few else 17) * is_signed + (3 if few else 6) * self.halves.is_exact
        bounds = 2 * (self.bounds[0] > -128) + 2 * (self.bounds[1] < 127)
        singles = -(-self.halves.left_over() // -(-len(self.weights) // lanes))
        return cost + bounds + 3 * (self.halves.base is not None) + singles

    def note(self, *, is_split: bool = False) -> str:
        """For the report: what does not go sixteen at a time."""
        notes = ["sums added up in memory"] if is_split else []
        if self.singles is not None:
            count = f"{len(self.singles.factors)} of {len(self.weights)}"
            notes.append(f"{count} channels rescaled one by one")
        return "; ".join(notes)


def lane_scales(numbers: WeightedSum) -> LaneScales:
    """The weights and constants of a layer."""
    numbers = numbers.with_bounded_sums
    low, high = numbers.sum_bounds
    rescaling = Rescaling(
        numbers.multiplier, numbers.shift, numbers.output_zero_point, numbers.bounds, low, high
    )
    # A channel that always gives the same needs no products: its sum is 0, whatever the input.
    dead, bias = rescaling.is_dead(), numbers.folded_bias()
    weights = np.where(dead[:, None], 0, numbers.weights)
    rescaling = replace(rescaling, low=np.where(dead, bias, low), high=np.where(dead, bias, high))
    halves = solve_most(rescaling, bias)
    if halves.unproved is None:
        return LaneScales(weights, halves, numbers.bounds)
    factors = np.stack((bias, numbers.multiplier, numbers.c_shift()), axis=1)[halves.unproved]
    singles = Singles(factors, numbers.output_zero_point, numbers.shifts_right)
    return LaneScales(weights, halves, numbers.bounds, singles)


def whole_lane_scales(numbers: WeightedSum) -> LaneScales | str:
    """The same where all products of a filter are added up in a lane."""
    scales = numbers.once(lane_scales)
    if fits_lanes(scales.weights):
        return scales
    return f"sums of products may not fit {LANE_BITS} bits"


def fits_lanes(weights: IntArray) -> bool:
    """Whether sums of rows of weights times any int8 values fit 20 bits, in any order."""
    return 128 * int(np.abs(weights).sum(axis=-1).max(initial=0)) < 1 << LANE_BITS - 1


def _groups(values: IntArray, order: IntArray) -> IntArray:
    """[groups, lanes] of one value per channel, in the lanes' order; 0 where there is none."""
    filled = np.zeros(-(-len(values) // len(order)) * len(order), np.int64)
    filled[: len(values)] = values
    return filled.reshape(-1, len(order))[:, order]
