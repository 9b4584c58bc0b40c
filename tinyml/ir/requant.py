"""Exact requantisation in few instructions: constants per channel, each with its proof.

The reference maps a 32-bit sum ``a`` to ``clamp(round(round(a * M / 2**31) / 2**n) + zero_point)``.
It never decreases with ``a``, so it is known completely by its *thresholds*: for each of the at
most 255 output values ``k`` above the least one, the smallest sum that gives ``k`` or more. Any
other map that never decreases and agrees at the sums just below and at every threshold is the same
map. Two such forms are short on cores with SMMLA/SMMLAR and SSAT:

``solve_linear``    ``ssat8((C + ((a + delta) * 2**s * M' >> 32)) >> N)``: SMMLA, SSAT with ASR #N.
                    ``delta`` goes into the bias. One N for all channels of a layer.
``solve_rounding``  ``ssat8(smmlar(2 * a, M, C + (a < 0 ? -1 : 0)) >> n)``: any shift to the right.

A third, for cores that have the high half of a product and nothing else, is in requant_signed.py.

Everything is done for all channels and thresholds at once; nothing is searched per channel.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.fixedpoint import multiply_by_quantized_multiplier
from tinyml.ir.modular import nearest_moves

IntArray = NDArray[np.int64]

INT8_MIN, INT8_MAX = -128, 127
_INT32_END = np.int64(1) << 31
_SHIFTS = (11, 12, 10, 9, 8, 13, 14, 7, 15, 6, 5, 4, 3, 2, 1)  # N, in order of preference
_NEARBY = (0, 1, -1, 2, -2, 3, -3, 5, -5, 8, -8)  # tried around the ideal M'
_FAR = 512  # room for delta where sums are near their limit


@dataclass(frozen=True, slots=True, eq=False)
class Rescaling:
    """What a layer's reference does with its sums; arrays have one element per channel."""

    multiplier: IntArray  # in [2**30, 2**31), or 0
    shift: IntArray  # positive = left
    zero_point: int
    bounds: tuple[int, int]  # clamp of the output, within int8
    low: IntArray  # the least sum that can occur
    high: IntArray  # the greatest

    def of(self, channels: IntArray) -> Rescaling:
        """The same for some of the channels."""
        return Rescaling(
            self.multiplier[channels],
            self.shift[channels],
            self.zero_point,
            self.bounds,
            self.low[channels],
            self.high[channels],
        )

    def reach(self) -> IntArray:
        """The greatest magnitude of a sum."""
        return np.maximum(-self.low, self.high)

    def is_dead(self) -> NDArray[np.bool_]:
        """Whether a channel gives the same output for every sum of its range."""
        return np.equal(self.apply(self.low), self.apply(self.high))

    def apply(self, sums: IntArray) -> IntArray:
        """The outputs of the reference for sums [..., channels]."""
        scaled = multiply_by_quantized_multiplier(sums, self.multiplier, self.shift)
        outputs: IntArray = np.clip(scaled + self.zero_point, *self.bounds)
        return outputs


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """Constants of the two-instruction form; arrays have one element per channel."""

    shift: int  # N, the same for all channels
    multiplier: IntArray  # M', in [0, 2**31); 0 for a channel whose output never changes
    offset: IntArray  # C, int32
    delta: IntArray  # to add to the bias

    def apply(self, sums: IntArray, scale_log2: IntArray | int) -> IntArray:
        """What the instructions give for sums [..., channels]."""
        scaled = (sums + self.delta) << np.asarray(scale_log2, np.int64)
        high = self.offset + ((scaled * self.multiplier) >> 32)
        outputs: IntArray = np.clip(high >> self.shift, INT8_MIN, INT8_MAX)
        return outputs


@dataclass(frozen=True, slots=True, eq=False)
class Rounding:
    """Constants of the SMMLAR form; arrays have one element per channel."""

    multiplier: IntArray
    offset: IntArray  # C = 2**(n - 1) + zero_point * 2**n, int32
    shift: IntArray  # n >= 1, to the right

    def apply(self, sums: IntArray) -> IntArray:
        """What the instructions give for sums [..., channels]."""
        product = (2 * sums) * self.multiplier + (np.int64(1) << 31)
        high = self.offset + (sums >> 63) + (product >> 32)
        outputs: IntArray = np.clip(high >> self.shift, INT8_MIN, INT8_MAX)
        return outputs


def thresholds(rescaling: Rescaling) -> IntArray:
    """The smallest sum that gives ``k`` or more, for k in bounds[0] + 1 .. bounds[1].

    Shape [channels, values]; those that no 32-bit sum reaches lie outside int32. In closed form,
    undoing the steps one by one, with ``j = k - zero_point``:
    rounding right shift, halves away from zero:  t >= j * 2**n - 2**(n-1) + (j <= 0), for n >= 1;
    doubling high multiply, halves upwards:       a * 2**left * M + 2**30 >= t * 2**31.
    The left shift must not wrap for any sum of the range (``is_monotone``).
    """
    wanted = np.arange(rescaling.bounds[0] + 1, rescaling.bounds[1] + 1, dtype=np.int64)
    wanted = wanted - rescaling.zero_point
    right = np.maximum(-rescaling.shift, 0)[:, None]
    left = np.maximum(rescaling.shift, 0)[:, None]
    half = np.where(right > 0, (np.int64(1) << right) >> 1, 0)
    rounded = (wanted << right) - half + ((wanted <= 0) & (right > 0))
    rounded = np.clip(rounded, -_INT32_END - 1, _INT32_END + 1)
    factor = np.maximum(rescaling.multiplier, 1)[:, None] << left
    found = -(((1 << 30) - (rounded << 31)) // factor)
    # A multiplier of 0 gives 0 for every sum: reached by all of them or by none.
    constant = np.where(wanted <= 0, -(np.int64(1) << 40), np.int64(1) << 40)
    return np.where(rescaling.multiplier[:, None] == 0, constant, found)


def is_monotone(rescaling: Rescaling) -> bool:
    """Whether no sum of the range wraps in the reference's left shift."""
    return bool(does_not_wrap(rescaling).all())


def does_not_wrap(rescaling: Rescaling) -> NDArray[np.bool_]:
    """The same for each channel."""
    left = np.maximum(rescaling.shift, 0)
    first, last = rescaling.low << left, rescaling.high << left
    fits: NDArray[np.bool_] = (first >= -_INT32_END) & (last < _INT32_END)
    return fits


def solve_linear(
    rescaling: Rescaling, scale_log2: IntArray | int, shifts: Iterable[int] = _SHIFTS
) -> Linear | str:
    """Constants of the two-instruction form, or why there are none.

    ``scale_log2`` is s, the factor that the kernel's sums carry, per channel or for all. The first
    N of ``shifts`` that serves every channel is taken.

    Proof of the form, with W = 2**(32 + N), c = 2**s * M' and K = C * 2**32 + delta * c: it gives
    ``k`` or more at the sum ``a`` if and only if ``a * c + K >= k * W``. So it agrees with the
    reference at all thresholds T(k) within the range if and only if

        max over k of (k * W - T(k) * c)  <=  K  <=  min over k of (k * W - (T(k) - 1) * c) - 1

    and at the ends of the range (where SSAT cuts at -128 and 127 only) by the same inequalities.
    ``c`` is M' = M * 2**(N + 1 + shift - s), or a neighbour, times 2**s; then some ``delta`` near 0
    is sought for which the interval of K contains a value of that form. The 32-bit results of
    SMMLA are checked at both ends of the range, which bounds them in between. Where the sums are
    too large for their factor, but close to one another, ``delta`` is sought near minus their
    middle instead.
    """
    if not is_monotone(rescaling):
        return "a left shift could overflow 32 bits"
    scale = np.broadcast_to(np.asarray(scale_log2, np.int64), rescaling.low.shape)
    most = _INT32_END >> scale
    if np.any(~rescaling.is_dead() & (rescaling.high - rescaling.low >= 2 * (most - _FAR))):
        return "sums times the kernel's factor do not fit 32 bits"
    limits = thresholds(rescaling)
    channels = np.arange(len(rescaling.low))
    for shift in shifts:
        # A few channels first: most shifts that do not serve all serve none.
        for chosen in (channels[:: max(1, len(channels) // 4)], channels):
            found = _solve_for_shift(rescaling.of(chosen), scale[chosen], limits[chosen], shift)
            if found is None:
                break
        if found is not None:
            return found
    return "no multiplier reproduces all thresholds"


def solve_rounding(rescaling: Rescaling) -> Rounding | str:
    """Constants of the SMMLAR form, or why it is not valid.

    SMMLAR(2 * a, M, C) is C + round(a * M / 2**31), halves upwards: the reference's first step. Its
    second step on t, halves away from zero, is ``(t + 2**(n - 1) + (t < 0 ? -1 : 0)) >> n``. The
    sign of ``a`` may stand in for that of ``t``: they differ only for t = 0, where both give 0.
    Adding the zero point before the shift, times 2**n, changes nothing. No 32-bit step overflows
    as |2 * a| and |C| + |a| are below 2**31. A dead channel with output q has M = 0, n = 1 and
    C = 2 * q + 1, which gives q for either sign and any sum, wrapped or not.
    """
    if not is_monotone(rescaling):
        return "a left shift could overflow 32 bits"
    dead = rescaling.is_dead()
    right = np.where(dead, 1, -rescaling.shift)
    if np.any(right < 1):
        return "a factor of a half or more needs no shift to the right"
    reach = np.where(dead, 0, rescaling.reach())
    offset = (np.int64(1) << (right - 1)) + (rescaling.zero_point << right)
    offset = np.where(dead, 2 * rescaling.apply(rescaling.low) + 1, offset)
    if np.any(2 * reach >= _INT32_END) or np.any(np.abs(offset) + reach + 1 >= _INT32_END):
        return "sums or offsets do not fit 32 bits"
    multiplier = np.where(dead, 0, rescaling.multiplier)
    ends = np.stack((rescaling.low, rescaling.high))
    wide = multiply_by_quantized_multiplier(ends, rescaling.multiplier, rescaling.shift)
    wide = np.clip(wide + rescaling.zero_point, INT8_MIN, INT8_MAX)
    if np.any(~dead & (wide != rescaling.apply(ends))):
        return "the activation cuts inside int8"
    return Rounding(multiplier, offset, right)


def _solve_for_shift(
    rescaling: Rescaling, scale: IntArray, limits: IntArray, shift: int
) -> Linear | None:
    """The two-instruction form with a given N, None if a channel has none."""
    exponent = shift + 1 + rescaling.shift - scale
    ideal = np.rint(np.ldexp(rescaling.multiplier.astype(np.float64), exponent))
    dead = rescaling.is_dead()
    if np.any(~dead & (ideal >= _INT32_END)):
        return None
    reach = rescaling.reach()
    if np.any(~dead & (reach * ideal * np.exp2(scale) >= 2.0**61)):
        return None
    too_large = reach >= (_INT32_END >> scale) - _FAR
    centre = np.where(too_large, -(rescaling.low + rescaling.high) // 2, 0)
    multiplier = np.zeros_like(rescaling.low)
    offset = np.where(dead, rescaling.apply(rescaling.low) << shift, 0)
    delta = np.zeros_like(rescaling.low)
    open_ = np.flatnonzero(~dead)
    for step in _NEARBY:
        if not len(open_):
            break
        tried = ideal[open_].astype(np.int64) + step
        low, high = interval(rescaling, scale, limits, shift, open_, tried)
        usable = (tried > 0) & (tried < _INT32_END) & (low <= high)
        for i in np.flatnonzero(usable):
            channel, factor = open_[i], int(tried[i]) << int(scale[open_[i]])
            moves = nearest_moves(factor, int(low[i]), int(high[i]), int(centre[channel]))
            for move in moves:
                constant = -((move * factor - int(low[i])) >> 32)
                ends = (int(rescaling.low[channel]), int(rescaling.high[channel]))
                if _fits(ends, move, int(tried[i]), int(scale[channel]), constant):
                    multiplier[channel], offset[channel], delta[channel] = tried[i], constant, move
                    break
        open_ = open_[multiplier[open_] == 0]
    return None if len(open_) else Linear(shift, multiplier, offset, delta)


def _fits(
    ends: tuple[int, int], delta: int, multiplier: int, scale_log2: int, constant: int
) -> bool:
    """Whether all 32-bit values of the linear form fit, at the ends and so in between."""
    sums = [(end + delta) << scale_log2 for end in ends]
    results = [constant + (value * multiplier >> 32) for value in sums]
    return all(abs(value) < _INT32_END for value in (constant, *sums, *results))


# Six parameters: arrays of one search, each with a shape of its own.
def interval(
    rescaling: Rescaling,
    scale: IntArray,
    limits: IntArray,
    shift: int,
    channels: IntArray,
    multiplier: IntArray,
) -> tuple[IntArray, IntArray]:
    """The least and greatest K that reproduce all thresholds of the given channels."""
    step = np.int64(1) << (32 + shift)
    factor = (multiplier << scale[channels])[:, None]
    low, high = rescaling.low[channels][:, None], rescaling.high[channels][:, None]
    values = np.arange(rescaling.bounds[0] + 1, rescaling.bounds[1] + 1, dtype=np.int64)
    inside = (limits[channels] > low) & (limits[channels] <= high)
    limit = np.where(inside, limits[channels], 0)
    far = np.int64(1) << 62
    at_least = np.where(inside, values * step - limit * factor, -far).max(axis=1, initial=-far)
    at_most = np.where(inside, values * step - (limit - 1) * factor - 1, far)
    at_most = at_most.min(axis=1, initial=far)
    first = rescaling.apply(rescaling.low)[channels]
    last = rescaling.apply(rescaling.high)[channels]
    floor = np.where(first > INT8_MIN, first * step - (low * factor)[:, 0], -far)
    ceiling = np.where(last < INT8_MAX, (last + 1) * step - 1 - (high * factor)[:, 0], far)
    return np.maximum(at_least, floor), np.minimum(at_most, ceiling)
