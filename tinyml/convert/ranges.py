"""What values a tensor takes on calibration samples, and the scale that follows from it.

Three ways to choose the range: the extremes seen (what TensorFlow does), the extremes without the
rarest values, or the range with the least mean square error. The last two let a few values clip for
a finer grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyml.base.errors import ModelError, did_you_mean
from tinyml.convert.choices import RANGES
from tinyml.ir.graph import Array, Quant

_LIMITS = {8: (-128, 127), 16: (-32768, 32767)}
_KEPT = (64, 2048)  # values of a tensor and sample that the last two methods look at, and
_KEPT_IN_ALL = 1 << 17  # of a tensor; evenly spread
_PERCENTILE = 99.99  # of the values lie within the range, half of the rest at each end
_FRACTIONS = np.linspace(1.0, 0.3, 36)  # of the extremes, tried by "mse"
_ALL_BUT_INFINITE = 1e30  # as quotients by next to nothing are
_LEAST_SCALE = 2.0**-25  # kernels compare scales with 6 and with 1; below, values are all but 0


@dataclass(frozen=True, slots=True)
class Seen:
    """The values of one tensor over all samples."""

    low: float
    high: float
    values: Array  # float32, an even selection
    means: Array  # of each channel (last axis), over samples and positions

    def joined(self, other: Seen) -> Seen:
        """The values of both."""
        values = np.concatenate((self.values, other.values))
        means = (self.means + other.means) / 2
        return Seen(min(self.low, other.low), max(self.high, other.high), values, means)


class Observer:
    """Collects what the tensors of a graph were on each of ``samples``."""

    def __init__(self, samples: int) -> None:
        least, most = _KEPT
        self._kept = min(max(_KEPT_IN_ALL // max(samples, 1), least), most)
        self._low: dict[int, float] = {}
        self._high: dict[int, float] = {}
        self._values: dict[int, list[Array]] = {}
        self._means: dict[int, list[Array]] = {}

    def add(self, tensor: int, value: Array, name: str) -> None:
        """Takes in one value of a tensor; raises ModelError when it is not finite."""
        low, high = float(value.min()), float(value.max())
        if not max(-low, high) < _ALL_BUT_INFINITE:  # also for what is not a number
            raise ModelError(
                f"'{name}' becomes infinite or not a number on a calibration sample",
                hint="check the calibration data for values that are not normalised as in "
                "training, and the layer for quotients by 0, logarithms and powers.",
            )
        self._low[tensor] = min(low, self._low.get(tensor, low))
        self._high[tensor] = max(high, self._high.get(tensor, high))
        last = value.shape[-1] if value.shape else 1
        self._means.setdefault(tensor, []).append(value.reshape(-1, last).mean(0, np.float64))
        flat = value.reshape(-1)
        kept = flat[:: max(1, -(-flat.size // self._kept))]
        self._values.setdefault(tensor, []).append(np.array(kept, np.float32))

    def seen(self) -> dict[int, Seen]:
        """What was collected, by tensor."""
        return {
            i: Seen(
                low,
                self._high[i],
                np.concatenate(self._values[i]),
                np.mean(self._means[i], axis=0),
            )
            for i, low in self._low.items()
        }


def chosen_range(seen: Seen, method: str, bits: int = 8) -> tuple[float, float]:
    """The range to represent, (low, high) with low <= 0 <= high.

    Raises ModelError for an unknown method.
    """
    match method:
        case "minmax":
            low, high = seen.low, seen.high
        case "percentile":
            cut = (100.0 - _PERCENTILE) / 2
            low, high = (float(v) for v in np.percentile(seen.values, (cut, 100.0 - cut)))
        case "mse":
            low, high = _least_error(seen, bits)
        case _:
            raise ModelError(
                f"unknown way to choose ranges: '{method}'", hint=did_you_mean(method, RANGES)
            )
    return min(low, 0.0), max(high, 0.0)


def _least_error(seen: Seen, bits: int) -> tuple[float, float]:
    best, found = np.inf, (seen.low, seen.high)
    for fraction in _FRACTIONS:
        low, high = min(seen.low * fraction, 0.0), max(seen.high * fraction, 0.0)
        quant = quant_of_range(low, high, bits)
        error = float(
            np.mean((dequantize(quantize(seen.values, quant, bits), quant) - seen.values) ** 2)
        )
        if error < best:
            best, found = error, (low, high)
    return found


def quant_of_range(low: float, high: float, bits: int) -> Quant:
    """The scale and zero point that represent a range which contains 0.

    8 bits: asymmetric, 0 is exact. 16 bits: symmetric, as the 16x8 kernels demand.
    """
    least, most = _LIMITS[bits]
    if bits == 16:
        scale = max(-low, high) / most
        return Quant((_float32(scale),), (0,))
    scale = _float32((high - low) / (most - least))
    return Quant((scale,), (int(np.clip(round(least - low / scale), least, most)),))


def _float32(scale: float) -> float:
    # Always 0: a middling scale, so that kernels which compare scales accept any neighbour.
    return float(np.float32(max(scale, _LEAST_SCALE))) if scale > 0 else 1 / 32768


def range_of_quant(quant: Quant, bits: int) -> tuple[float, float]:
    """The least and the greatest value that a quantisation can represent."""
    least, most = _LIMITS[bits]
    return (least - quant.zero_point) * quant.scale, (most - quant.zero_point) * quant.scale


def quantize(values: Array, quant: Quant, bits: int = 8) -> Array:
    """The integers nearest to real values, clipped to the type; halves away from zero."""
    least, most = _LIMITS[bits]
    scaled = np.asarray(values, np.float64) / _along(quant, quant.scales, values.ndim)
    rounded = np.trunc(scaled + np.copysign(0.5, scaled))
    shifted = rounded + _along(quant, quant.zero_points, values.ndim)
    clipped: Array = np.clip(shifted, least, most).astype(np.int8 if bits == 8 else np.int16)
    return clipped


def dequantize(values: Array, quant: Quant) -> Array:
    """The real values of integers, float32."""
    offset = values.astype(np.float64) - _along(quant, quant.zero_points, values.ndim)
    scaled: Array = (offset * _along(quant, quant.scales, values.ndim)).astype(np.float32)
    return scaled


def _along(quant: Quant, numbers: tuple[float, ...], rank: int) -> Array:
    """Per-channel numbers in a shape that broadcasts along the quantised axis."""
    if len(numbers) == 1:
        return np.array(numbers[0], np.float64)
    shape = [1] * rank
    shape[quant.axis] = len(numbers)
    return np.array(numbers, np.float64).reshape(shape)


def clipped_share(seen: Seen, quant: Quant, bits: int) -> float:
    """The share of values that lie outside of what a quantisation can represent, 0..1."""
    low, high = range_of_quant(quant, bits)
    half = quant.scale / 2
    outside = (seen.values < low - half) | (seen.values > high + half)
    return float(outside.mean())
