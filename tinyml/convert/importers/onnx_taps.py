"""ONNX's linear and cubic resizes: RESIZE_BILINEAR where it computes the same, else weighted rows.

The result's rows, and then its columns, are sums of the image's: each of a few taps takes a row by
its number and has a weight for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import floor

import numpy as np

from tinyml.convert.importers.onnx_elementwise import two
from tinyml.convert.importers.onnx_nearest import PLACES, axis_scales
from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.convert.importers.onnx_values import Reader

_Taps = list[tuple[list[int], list[float]]]  # numbers of rows, and their weights


def weighted_pixels(
    reader: Reader, what: tuple[Node, Attributes, str], image: int, sizes: tuple[int, int]
) -> int:
    """``what`` is the node, its attributes and its rule for places."""
    node, attrs, rule = what
    mode = attrs.text("mode", "linear")
    if rule not in PLACES:
        raise Unknown(f"{mode} interpolation by the rule {rule}")
    old = reader.new.shape(image)[1:3]
    scales = axis_scales(reader, node, attrs, (old, sizes))
    axes = list(zip(old, sizes, scales, strict=True))
    places = [[PLACES[rule](x, scale, n, m) for x in range(m)] for n, m, scale in axes]
    name = node.output[0]
    if mode != "cubic":
        for known in ("align_corners", "half_pixel", "asymmetric"):
            found = [[PLACES[known](x, Fraction(m, n), n, m) for x in range(m)] for n, m, _ in axes]
            if found == places:
                size = reader.new.integers(f"{name}/size", sizes)
                fields = {"AlignCorners": known == "align_corners"}
                fields |= {"HalfPixelCenters": known == "half_pixel"}
                shape = (1, *sizes, reader.new.shape(image)[3])
                return reader.new.op("RESIZE_BILINEAR", (image, size), shape, name, **fields)
    weights = _cubic(attrs.number("cubic_coeff_a", -0.75)) if mode == "cubic" else _linear
    for axis, where, count in zip((1, 2), places, old, strict=True):
        label = name if axis == 2 else f"{name}/high"
        image = _summed(reader, image, (axis, _taps(where, count, weights)), label)
    return image


def _linear(part: float) -> dict[int, float]:
    return {0: 1 - part, 1: part}


def _cubic(a: float) -> Callable[[float], dict[int, float]]:
    """The weights of the rows around a place, by the convolution of Keys."""

    def weights(part: float) -> dict[int, float]:
        near = {k: abs(part - k) for k in (-1, 0, 1, 2)}
        return {
            k: ((a + 2) * d - (a + 3)) * d * d + 1
            if d <= 1
            else ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
            for k, d in near.items()
        }

    return weights


def _taps(
    places: Sequence[Fraction], count: int, weights: Callable[[float], dict[int, float]]
) -> _Taps:
    """The taps for all places; beyond the border lies the last row."""
    found = [weights(float(place - floor(place))) for place in places]
    taps: _Taps = []
    for step in found[0]:
        factors = [each[step] for each in found]
        if any(factors):
            rows = [min(max(floor(place) + step, 0), count - 1) for place in places]
            taps.append((rows, factors))
    return taps


def _summed(reader: Reader, image: int, what: tuple[int, _Taps], name: str) -> int:
    """The sum of the taps along an axis."""
    axis, taps = what
    shape = list(reader.new.shape(image))
    if taps == [(list(range(shape[axis])), [1.0] * shape[axis])]:
        return image
    shape[axis] = len(taps[0][0])
    total = -1
    for number, (rows, factors) in enumerate(taps):
        label = f"{name}/tap_{number}"
        numbers = reader.new.integers(f"{label}/rows", rows)
        part = reader.new.op("GATHER", (image, numbers), shape, label, Axis=axis)
        held = np.array(factors, np.float32).reshape([-1 if k == axis else 1 for k in range(4)])
        weight = reader.new.constant(f"{label}/weights", held)
        part = two(reader, "MUL", (part, weight), f"{label}/weighted")
        last = number == len(taps) - 1
        label = name if last else f"{label}/sum"
        total = two(reader, "ADD", (total, part), label) if number else part
    return total
