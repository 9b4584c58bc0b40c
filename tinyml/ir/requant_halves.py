"""Exact requantisation by products of 16-bit halves, for vector units that have no wider ones.

``solve_most``      ``V = sat32((a << f) + D)``, ``V = H * 2**16 + L``, ``M = Mh * 2**16 + Ml``;
                    ``sat8((((L - 2**15) * Mh + H * Ml >> 16) + H * Mh) >> n)``.
                    Sums below a border may have a ``D`` of their own: halves are rounded away from
                    zero, which puts thresholds on two lines, one on each side of 0.
                    A base may be added to the outputs: where few of them can occur, far from 0, the
                    step of a sum is small, and all the way from 0 does not fit 32 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.requant import INT8_MAX, INT8_MIN, IntArray, Rescaling, does_not_wrap, thresholds

FloatArray = NDArray[np.float64]

MOST_LEFT = 12  # f of sums that come out of lanes of 20 bits
ONE_BY_ONE = 55  # instructions of an output that is made from its sum alone, as TFLM does
_HALF = np.int64(1) << 15
_INT32_END = np.int64(1) << 31
_DROPPED = np.int64(1) << 30  # |(L - 2**15) * Ml|, the product that is left out
_FAR = np.int64(1) << 62
_LEAST_RIGHT = 8
_MOST_RIGHT = 22  # n: 127 * 2**(32 + n) is below 2**62
_ROOM = np.int64(1) << 24
_NEARBY = (0, 1, -1, 2, -2, 3, -3, 5, -5, 8, -8, 13, -13, 21, -21)  # tried around the ideal M


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """Constants of the form; arrays have one element per channel. ``a`` is the sum of products."""

    left: int  # f, the same for all channels
    right: int  # n, the same for all channels
    is_exact: bool  # (L - 2**15) * Ml is added, too
    multiplier: IntArray  # M, in [2**15, 2**31)
    offset: IntArray  # D, int32
    border: IntArray | None = None  # a << f is below: the sum with its bias is below 0; int32
    below: IntArray | None = None  # to add to D there; int32
    base: IntArray | None = None  # added to the outputs, saturated to int8
    unproved: NDArray[np.bool_] | None = None  # channels that may differ from the reference

    def price(self) -> int:
        """Instructions of this kind's extra steps and of channels that are rescaled one by one."""
        extra = 17 * (self.border is not None) + 6 * self.is_exact + 3 * (self.base is not None)
        return _groups(len(self.multiplier)) * extra + self.left_over()

    def left_over(self) -> int:
        """Instructions of channels that are rescaled one by one."""
        return 0 if self.unproved is None else ONE_BY_ONE * int(self.unproved.sum())

    def apply(self, sums: IntArray) -> IntArray:
        """What the instructions give for sums [..., channels], clamped to int8 only."""
        scaled = sums << self.left
        value = _saturated(scaled + self.offset)
        if self.border is not None and self.below is not None:
            value = _saturated(value + np.where(scaled < self.border, self.below, 0))
        high, low = value >> 16, (value & 0xFFFF) - _HALF
        factor_low = _low_half(self.multiplier)
        factor = (self.multiplier - factor_low) >> 16
        first = (low * factor_low >> 16) if self.is_exact else 0
        wide = ((first + low * factor + high * factor_low) >> 16) + high * factor
        outputs: IntArray = np.clip(wide >> self.right, INT8_MIN, INT8_MAX)
        if self.base is not None:
            outputs = np.clip(outputs + self.base, INT8_MIN, INT8_MAX)
        return outputs


def solve_halves(rescaling: Rescaling, bias: IntArray) -> Halves | str:
    """Constants of the form for all channels, or why there are none; see ``solve_most``."""
    found = solve_most(rescaling, bias)
    return found if found.unproved is None else "no offset reproduces all thresholds"


def solve_most(rescaling: Rescaling, bias: IntArray) -> Halves:
    """Constants of the form, and which channels they do not serve.

    The first that serve all, or nearly all; else those that cost least with the channels left over.

    Sums of products are ``a``; the reference's have ``bias`` added. With W = 2**(32 + n) and
    P = ((a << f) + D - 2**15) * M the form gives ``k`` or more if P >= k * W, or, where it leaves
    out the product of the low halves, P - (L - 2**15) * Ml >= k * W. That product is 2**30 at most;
    where a step of ``a`` moves P by more than twice as much the form never decreases. Then it
    equals the reference if it agrees at the sums at and just below every threshold and at both
    ends, which is tried with the very constants. D lies in the middle of what all thresholds leave.
    """
    best = _none(rescaling)
    for base in (np.zeros_like(bias), _base(rescaling)):
        for found in _candidates(rescaling, bias, base):
            if found.price() < best.price():
                best = found
            if best.left_over() <= 8 * _groups(len(bias)):
                return best
    return best


def _none(rescaling: Rescaling) -> Halves:
    """What serves no channel."""
    zeros = np.zeros_like(rescaling.low)
    return Halves(MOST_LEFT, _LEAST_RIGHT, False, zeros, zeros, unproved=zeros == 0)


def _base(rescaling: Rescaling) -> IntArray:
    """What leaves outputs around 0: the middle of those that can occur, or near it."""
    low, high = (rescaling.apply(sums) for sums in (rescaling.low, rescaling.high))
    base: IntArray = np.clip(low + high + 1 >> 1, high - INT8_MAX, low - INT8_MIN)
    return base


def _candidates(rescaling: Rescaling, bias: IntArray, base: IntArray) -> Iterator[Halves]:
    """Constants with this base, with shifts that suit all channels, then with others."""
    slope = np.ldexp(rescaling.multiplier.astype(np.float64), rescaling.shift - 31)
    slope = np.where(slope > 0, slope, slope.max() if slope.any() else 1.0)
    ends = [rescaling.apply(sums) - base for sums in (rescaling.low, rescaling.high)]
    steps = np.maximum(np.abs(ends[0]), np.abs(ends[1])) + 1
    sums = np.maximum(np.abs(rescaling.low - bias), np.abs(rescaling.high - bias))
    # The way from 0 to the farthest output, and the sums themselves fit 32 bits.
    room = 31 - np.log2(np.maximum(steps / slope, sums + 1))
    room = np.where(does_not_wrap(rescaling), room, -1)
    for left, right in _shifts(room, slope):
        multiplier = np.rint(np.ldexp(slope, 32 + right - left)).astype(np.int64)
        fits = (multiplier - max(_NEARBY) >= 1 << 15) & (
            multiplier + max(_NEARBY) < _INT32_END - _HALF
        )
        fits &= room >= left
        if not fits.any():
            continue
        multiplier = np.where(fits, multiplier, 0)
        never_decreases = int(multiplier[fits].min()) - max(_NEARBY) << left >= 2 * _DROPPED
        for is_signed, is_exact in ((False, False), (False, True), (True, False), (True, True)):
            if is_exact or never_decreases:
                search = _Search(rescaling, bias, base, left, right, is_exact)
                found = search.signed(multiplier) if is_signed else search.linear(multiplier)
                yield _proved(found, rescaling, bias)


def _shifts(room: FloatArray, slope: FloatArray) -> Iterator[tuple[int, int]]:
    """Pairs of f and n, those that suit all channels first, then those that suit most of them."""
    lefts = np.quantile(room, (0, 0.1), method="higher")
    largest = np.quantile(slope, (1, 0.9), method="lower")
    pairs = dict.fromkeys(
        (min(MOST_LEFT, int(np.floor(left))), float(most)) for left in lefts for most in largest
    )
    shifts = (
        (left, min(_MOST_RIGHT, int(np.floor(30.99 + left - 32 - np.log2(most)))))
        for left, most in pairs
    )
    yield from (pair for pair in dict.fromkeys(shifts) if pair[0] >= 0 and pair[1] >= _LEAST_RIGHT)


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """What is fixed while multipliers and offsets are sought; a multiplier of 0 is not sought."""

    rescaling: Rescaling
    bias: IntArray
    base: IntArray
    left: int
    right: int
    is_exact: bool

    def linear(self, multiplier: IntArray) -> Halves:
        """One offset per channel."""
        given = self.rescaling
        chosen, offset = np.zeros_like(multiplier), np.zeros_like(multiplier)
        for step in _NEARBY:
            open_ = np.flatnonzero((chosen == 0) & (multiplier > 0))
            if not len(open_):
                break
            tried = multiplier[open_] + step
            low, high = self.interval(open_, tried, given.low[open_], given.high[open_])
            good = low <= high
            chosen[open_[good]] = tried[good]
            offset[open_[good]] = (low + high)[good] >> 1
        return self._halves(chosen, _saturated(offset))

    def signed(self, multiplier: IntArray) -> Halves:
        """An offset for each side of 0; a side without sums takes the other's."""
        given = self.rescaling
        chosen = np.zeros_like(multiplier)
        offsets = np.zeros((2, *multiplier.shape), np.int64)
        for step in _NEARBY:
            open_ = np.flatnonzero((chosen == 0) & (multiplier > 0))
            if not len(open_):
                break
            tried = multiplier[open_] + step
            low, high = given.low[open_], given.high[open_]
            above = self.interval(open_, tried, np.maximum(low, 0), high)
            below = self.interval(open_, tried, low, np.minimum(high, -1))
            good = ((above[0] <= above[1]) | (high < 0)) & ((below[0] <= below[1]) | (low >= 0))
            sides = np.stack([(side[0] + side[1]) >> 1 for side in (above, below)])
            sides = np.where(np.stack((high < 0, low >= 0)), sides[::-1], sides)
            chosen[open_[good]] = tried[good]
            offsets[:, open_[good]] = sides[:, good]
        first, second = _saturated(offsets)
        chosen = np.where(np.abs(second - first) < _INT32_END, chosen, 0)
        return replace(
            self._halves(chosen, first),
            border=_saturated(-self.bias << self.left),
            below=np.where(chosen > 0, second - first, 0),
        )

    def _halves(self, chosen: IntArray, offset: IntArray) -> Halves:
        base = self.base if self.base.any() else None
        return Halves(self.left, self.right, self.is_exact, chosen, offset, base=base)

    def interval(
        self, channels: IntArray, multiplier: IntArray, low: IntArray, high: IntArray
    ) -> tuple[IntArray, IntArray]:
        """The least and greatest D of some channels for the reference's sums from low to high."""
        rescaling, bias = self.rescaling.of(channels), self.bias[channels]
        step, factor = np.int64(1) << (32 + self.right), multiplier[:, None]
        dropped = np.int64(0) if self.is_exact else np.abs(_low_half(multiplier)) << 15
        base = self.base[channels]
        values = np.arange(rescaling.bounds[0] + 1, rescaling.bounds[1] + 1) - base[:, None]
        sums = thresholds(rescaling)
        inside = (sums > low[:, None]) & (sums <= high[:, None])
        products = np.where(inside, sums - bias[:, None], 0) << self.left
        margin = np.reshape(dropped, (-1, 1))
        first = -(-(values * step + margin) // factor) - products + _HALF
        last = (values * step - 1 - margin) // factor - products + (1 << self.left) + _HALF
        at_least = np.where(inside, first, -_FAR).max(axis=1, initial=-_FAR)
        at_most = np.where(inside, last, _FAR).min(axis=1, initial=_FAR)
        # Where both ends of the range lie above the lower bound, or below the upper one.
        ends = [rescaling.apply(np.clip(end, rescaling.low, rescaling.high)) for end in (low, high)]
        first_end, last_end = (end - base for end in ends)
        bottom = -(-(first_end * step + dropped) // multiplier) - (low - bias << self.left) + _HALF
        top = (
            ((last_end + 1) * step - 1 - dropped) // multiplier - (high - bias << self.left) + _HALF
        )
        at_least = np.maximum(at_least, np.where(ends[0] > rescaling.bounds[0], bottom, -_FAR))
        at_most = np.minimum(at_most, np.where(ends[1] < rescaling.bounds[1], top, _FAR))
        # Where every sum ends at a bound only one side is held.
        at_least = np.where(at_least == -_FAR, np.minimum(at_most, _INT32_END) - _ROOM, at_least)
        return at_least, np.where(at_most == _FAR, at_least + _ROOM, at_most)


def _proved(found: Halves, rescaling: Rescaling, bias: IntArray) -> Halves:
    """The constants, with the channels marked whose outputs are not the reference's.

    Tried are both ends of the range, and the sums around 0 and all thresholds.
    """
    limits = thresholds(rescaling).T
    near = np.zeros_like(bias)
    tried = (*limits, *(limits - 1), near, near - 1, rescaling.low, rescaling.high)
    sums = np.clip(np.stack(tried), rescaling.low, rescaling.high)
    made = np.clip(found.apply(sums - bias), *rescaling.bounds)
    unproved = (found.multiplier == 0) | (made != rescaling.apply(sums)).any(axis=0)
    return replace(found, unproved=unproved if unproved.any() else None)


def _groups(channels: int) -> int:
    return -(-channels // 16)


def _low_half(values: IntArray) -> IntArray:
    """The lower 16 bits as a signed number."""
    low: IntArray = ((values + _HALF) & 0xFFFF) - _HALF
    return low


def _saturated(values: IntArray) -> IntArray:
    return np.clip(values, -_INT32_END, _INT32_END - 1)
