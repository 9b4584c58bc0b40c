"""Exact requantisation by one high multiplication, with an offset for each sign of the sum.

``solve_signed``    ``clamp(((a * 2**s * M' >> 32) + (a < 0 ? C' : C)) >> N)``: halves are
                    rounded away from zero, which puts thresholds on two lines, one on each side
                    of 0. The linear form of requant.py cannot follow both where both are seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyml.ir.requant import IntArray, Rescaling, interval, is_monotone, thresholds

_INT32_END = np.int64(1) << 31
_MOST_BITS = 30  # of scaled sums
_MOST_SHIFT = 22  # N: offsets of eight bits times 2**N fit


@dataclass(frozen=True, slots=True, eq=False)
class Signed:
    """Constants of the form with an offset for sums below 0, one for others; one per channel."""

    scale_log2: int  # s, the same for all channels, like N
    shift: int  # N
    multiplier: IntArray  # M', in [0, 2**31); 0 for a channel whose output never changes
    offset: IntArray  # C of sums from 0 on, int32
    negative: IntArray  # C of sums below 0

    def apply(self, sums: IntArray, bounds: tuple[int, int]) -> IntArray:
        """What the instructions give for sums [..., channels]."""
        high = ((sums << self.scale_log2) * self.multiplier) >> 32
        offset = np.where(sums < 0, self.negative, self.offset)
        outputs: IntArray = np.clip((high + offset) >> self.shift, *bounds)
        return outputs


def solve_signed(rescaling: Rescaling) -> Signed | str:
    """Constants of the form with two offsets, or why there are none.

    ``solve_linear``'s proof holds for each side of 0 by itself, with delta = 0: sums are scaled up
    so far that the interval of K, which spans most of a sum's step, holds a multiple of 2**32.
    """
    if not is_monotone(rescaling):
        return "a left shift could overflow 32 bits"
    dead = rescaling.is_dead()
    scale = _MOST_BITS - int(np.where(dead, 0, rescaling.reach()).max(initial=0)).bit_length()
    if scale < 1:
        return "sums do not fit 30 bits"
    largest = np.log2(np.maximum(rescaling.multiplier, 1)) + rescaling.shift
    shift = min(
        _MOST_SHIFT, int(np.floor(30.999 - 1 + scale - np.where(dead, -99.0, largest).max()))
    )
    if shift < 1:
        return "a factor is too large"
    exponent = shift + 1 + rescaling.shift - scale
    ideal = np.ldexp(rescaling.multiplier.astype(np.float64), exponent)
    multiplier = np.where(dead, 0, np.rint(ideal).astype(np.int64))
    value = rescaling.apply(rescaling.low) << shift
    offsets = []
    for low, high in ((0, None), (None, -1)):
        found = _offset_of_side(rescaling, low, high, (scale, shift), multiplier)
        if found is None:
            return "no offset reproduces all thresholds"
        offsets.append(np.where(dead, value, found))
    if np.any(multiplier >= _INT32_END) or np.any(np.abs(np.stack(offsets)) >= _INT32_END >> 1):
        return "factors or offsets do not fit 32 bits"
    return Signed(scale, shift, multiplier, offsets[0], offsets[1])


def _offset_of_side(
    rescaling: Rescaling,
    least: int | None,
    most: int | None,
    exponents: tuple[int, int],
    multiplier: IntArray,
) -> IntArray | None:
    """C for the sums from ``least`` to ``most`` of each channel; 0 where it has none of them."""
    scale, shift = exponents
    low = rescaling.low if least is None else np.maximum(rescaling.low, least)
    high = rescaling.high if most is None else np.minimum(rescaling.high, most)
    is_empty = (low > high) | rescaling.is_dead()
    side = Rescaling(
        rescaling.multiplier,
        rescaling.shift,
        rescaling.zero_point,
        rescaling.bounds,
        np.where(is_empty, 0, low),
        np.where(is_empty, 0, high),
    )
    channels = np.arange(len(low))
    scales = np.full(len(low), scale, np.int64)
    first, last = interval(side, scales, thresholds(side), shift, channels, multiplier)
    found: IntArray = -((-first) >> 32)
    if np.any(~is_empty & (found << 32 > last)):
        return None
    return np.where(is_empty, 0, found)
