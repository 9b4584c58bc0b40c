"""Exact rescaling for the kernels of cores without DSP instructions.

``firmware/kernels/portable/rescale.h`` has four forms. HIGH and SIGNED: see ``tinyml/ir/``.
SPLIT serves cores whose multiplication gives the low 32 bits only; it is solved here, and proven by
the reference's thresholds as described in ``tinyml.ir.requant``. REFERENCE is always right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.kernel import Constant, Enumerator, Struct
from tinyml.ir.requant import (
    Linear,
    Rescaling,
    is_monotone,
    solve_linear,
    thresholds,
)
from tinyml.ir.requant_signed import Signed, solve_signed
from tinyml.ops.common import clamp_struct
from tinyml.ops.weighted import WeightedSum
from tinyml.target.cores import Family

IntArray = NDArray[np.int64]

_WORD = 1 << 32
_LEAST_SHIFT, _LARGEST_SHIFT = 10, 24
_NEARBY = (0, 1, -1, 2, -2, 3, -3, 5, -5, 8, -8)  # tried around the ideal factor


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Constants of the SPLIT form; arrays have one element per channel."""

    shift: int  # N, 0 when channels have their own
    low_bits: int
    bias: IntArray  # to add to the sums, which are then held at 0 at least
    factor: IntArray  # high part * 2**low_bits + low part
    offset: IntArray  # C
    own_shift: IntArray | None

    def words(self) -> tuple[IntArray, IntArray]:
        """Factor and offset as the kernel gets them."""
        low = self.factor & ((1 << self.low_bits) - 1)
        factor = ((self.factor >> self.low_bits) << 16) | low
        if self.own_shift is None:
            return factor, self.offset
        return factor, (self.offset << 5) | self.own_shift

    def apply(self, sums: IntArray, bounds: tuple[int, int]) -> IntArray:
        """What the instructions give for sums [..., channels], bias not added yet."""
        held = np.maximum(sums + self.bias, 0)
        shift = self.shift if self.own_shift is None else self.own_shift
        steps = (_scaled(held, self.factor, self.low_bits) + self.offset) >> shift
        return np.asarray(bounds[0] + np.minimum(steps, bounds[1] - bounds[0]), np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Rescale:
    """How a layer is rescaled: the params of rescale.h and three or four words per channel."""

    struct: Struct
    words: IntArray  # [channels, 3 or 4]
    form: str  # HIGH, SIGNED, SPLIT or REFERENCE

    def constant(self, channels: int) -> Constant:
        """The words, filled up to a number of channels."""
        filled = np.zeros((channels, self.words.shape[1]), np.int64)
        filled[: len(self.words)] = self.words
        data = (filled.reshape(-1) + (_WORD >> 1)) % _WORD - (_WORD >> 1)
        offsets = "offset" if self.form != "SIGNED" else "offset, that of negative sums"
        comment = f"per channel: bias with the zero point, factor, {offsets}"
        return Constant("scales", data.astype(np.int32), comment)


def rescale_of(numbers: WeightedSum, family: Family) -> Rescale:
    """The cheapest form that is exact for a layer."""
    words: tuple[IntArray, ...]
    low, high = numbers.sum_bounds
    rescaling = Rescaling(
        numbers.multiplier, numbers.shift, numbers.output_zero_point, numbers.bounds, low, high
    )
    bias = numbers.folded_bias()
    if family.has_high_multiply:
        is_seen = numbers.output_zero_point > numbers.bounds[0]  # see solve_split
        linear = "" if is_seen else solve_linear(rescaling, 0)
        if isinstance(linear, Linear) and _bias_fits(bias + linear.delta):
            words = (bias + linear.delta, linear.multiplier, linear.offset)
            return _made(numbers, "HIGH", words, shift=linear.shift)
        signed = solve_signed(rescaling)
        if isinstance(signed, Signed) and _bias_fits(bias):
            words = (bias, signed.multiplier, signed.offset, signed.negative)
            return _made(numbers, "SIGNED", words, shift=signed.shift, low_bits=signed.scale_log2)
    else:
        split = solve_split(rescaling)
        if split is not None and _bias_fits(bias + split.bias):
            words = (bias + split.bias, *split.words())
            return _made(numbers, "SPLIT", words, shift=split.shift, low_bits=split.low_bits)
    return _made(numbers, "REFERENCE", (bias, numbers.multiplier, numbers.c_shift()))


def solve_split(rescaling: Rescaling) -> Split | None:
    """Constants of the SPLIT form, None if none are found.

    With a' = sum + bias >= 0 (sums below stay at the lower bound) the kernel computes
    ``floor((floor(a' * F / 2**l) + C) / 2**N)``, F = f1 * 2**l + f0: a' * f0 and a' * f1 are exact
    in 32 bits, and the two floors are one. It never decreases with the sum, so it equals the
    reference if it agrees at the sums at and just below every threshold, and at both ends of the
    range: each demands C from one side, and what is left is an interval. F is the ideal slope or a
    neighbour. C is below 2**N, so that a' = 0 gives the lower bound.

    Where values below the zero point can be seen, the reference's halves away from zero put the
    thresholds on two lines; such layers are not tried.
    """
    if not is_monotone(rescaling) or rescaling.zero_point > rescaling.bounds[0]:
        return None
    line = _line_through(rescaling)
    return None if line is None else _fitted(line)


def _line_through(rescaling: Rescaling) -> _Line | None:
    """The lines to look for; None where 32 bits do not hold the sums, counted from their base."""
    limits = thresholds(rescaling)
    if not limits.shape[1]:
        return None
    dead = rescaling.is_dead()
    slope = np.ldexp(rescaling.multiplier.astype(np.float64), rescaling.shift - 31)
    first = np.where(dead, rescaling.low, np.minimum(limits[:, 0], rescaling.high + 1))
    # a' is about one step of the output at the first threshold.
    base = first - np.where(dead, 0, np.floor(1.0 / np.where(dead, 1.0, slope)).astype(np.int64))
    reach = np.where(dead, 0, rescaling.high - base)
    if int(reach.max()) >= _WORD >> 1 or int((base - rescaling.low).max()) >= _WORD >> 1:
        return None
    low_bits = min(16, 32 - int(reach.max()).bit_length())
    return _Line(rescaling, limits, base, np.where(dead, 0.0, slope), reach, low_bits)


def _fitted(line: _Line) -> Split | None:
    """The lines with a shift that all channels have in common, else each with its own."""
    base, dead = line.base, line.rescaling.is_dead()
    every = np.arange(len(base))
    own, found = np.zeros_like(base), np.zeros((len(base), 2), np.int64)
    for shift in range(_LARGEST_SHIFT, _LEAST_SHIFT - 1, -1):
        open_ = every[own == 0]
        tried = line.solve(open_, shift)
        solved = tried[:, 0] >= 0
        own[open_[solved]], found[open_[solved]] = shift, tried[solved]
        if own.all():
            break
    if not own.all():
        return None
    common = int(own.min())
    again = line.solve(every, common)
    if np.all(again[:, 0] >= 0):
        return Split(common, line.low_bits, -base, again[:, 0], again[:, 1], None)
    own = np.where(dead, _LEAST_SHIFT, own)  # so that five bits are left in the offset's word
    offset = np.where(dead, line.constants() << _LEAST_SHIFT, found[:, 1])
    return Split(0, line.low_bits, -base, found[:, 0], offset, own)


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """What is sought: for each channel the line through its thresholds."""

    rescaling: Rescaling
    limits: IntArray
    base: IntArray
    slope: NDArray[np.float64]
    reach: IntArray
    low_bits: int

    def constants(self) -> IntArray:
        """Steps above the lower bound of channels that always give the same."""
        least: IntArray = self.rescaling.apply(self.rescaling.low) - self.rescaling.bounds[0]
        return least

    def solve(self, channels: IntArray, shift: int) -> IntArray:
        """Factor and offset per channel, (-1, -1) where this shift has none."""
        rescaling, slope = self.rescaling.of(channels), np.ldexp(self.slope[channels], shift)
        found = np.full((len(channels), 2), -1, np.int64)
        dead = rescaling.is_dead()
        found[dead, 0], found[dead, 1] = 0, (self.constants()[channels] << shift)[dead]
        fits = (slope < 1 << 16) & (self.reach[channels] * slope * 1.001 + 2.0 * 2**shift < _WORD)
        ideal = np.rint(np.ldexp(slope, self.low_bits)).astype(np.int64)
        open_ = np.flatnonzero(~dead & fits)
        for step in _NEARBY:
            if not len(open_):
                break
            tried = ideal[open_] + step
            low, high = self._offsets(channels[open_], tried, shift)
            good = (low <= high) & (tried > 0) & (tried >> self.low_bits < 1 << 16)
            found[open_[good]] = np.stack((tried, (low + high) // 2), axis=1)[good]
            open_ = open_[~good]
        return found

    def _offsets(
        self, channels: IntArray, factor: IntArray, shift: int
    ) -> tuple[IntArray, IntArray]:
        """The least and greatest C for which the form is right for all sums of the range."""
        limits, base = self.limits[channels], self.base[channels][:, None]
        low = self.rescaling.low[channels][:, None]
        high = self.rescaling.high[channels][:, None]
        steps = np.arange(1, limits.shape[1] + 1, dtype=np.int64) << shift
        top = (np.int64(1) << shift) - 1

        def scaled(sums: IntArray) -> IntArray:
            return _scaled(np.maximum(sums - base, 0), factor[:, None], self.low_bits)

        at_least = steps - scaled(np.clip(limits, low, high))
        at_least = np.where(limits <= high, at_least, 0)
        at_most = steps - 1 - scaled(np.clip(limits - 1, low, high))
        at_most = np.where(limits > low, at_most, top)
        return at_least.max(axis=1, initial=0), np.minimum(at_most.min(axis=1), top)


def _scaled(held: IntArray, factor: IntArray, low_bits: int) -> IntArray:
    low = factor & ((1 << low_bits) - 1)
    return np.asarray(((held * low) >> low_bits) + held * (factor >> low_bits), np.int64)


def _bias_fits(bias: IntArray) -> bool:
    return bool(np.all(np.abs(bias) < _WORD >> 1))


def _made(
    numbers: WeightedSum,
    form: str,
    words: tuple[IntArray, ...],
    *,
    shift: int = 0,
    low_bits: int = 0,
) -> Rescale:
    struct = Struct(
        "tml_portable_rescale",
        (
            ("form", Enumerator(f"TML_RESCALE_{form}")),
            ("shift", shift),
            ("low_bits", low_bits),
            ("shifts_right", numbers.shifts_right),
            ("output_offset", numbers.output_zero_point),
            ("clamp", clamp_struct(numbers.bounds)),
        ),
    )
    return Rescale(struct, np.stack(words, axis=1), form)
