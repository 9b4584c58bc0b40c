"""ONNX's nearest neighbours: which pixel each pixel of the result reads, by any of its rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil, floor

import numpy as np

from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.convert.importers.onnx_values import Reader
from tinyml.ops.resize_nearest_neighbor import ResizeAttrs, nearest

_HALF = Fraction(1, 2)
# Position in the image of a position in the result, from (position, scale, sizes of both).
PLACES: dict[str, Callable[[int, Fraction, int, int], Fraction]] = {
    "asymmetric": lambda x, scale, old, new: x / scale,
    "half_pixel": lambda x, scale, old, new: (x + _HALF) / scale - _HALF,
    "pytorch_half_pixel": lambda x, scale, old, new: (
        (x + _HALF) / scale - _HALF if new > 1 else Fraction(0)
    ),
    "align_corners": lambda x, scale, old, new: Fraction(x * (old - 1), max(new - 1, 1)),
    "tf_half_pixel_for_nn": lambda x, scale, old, new: (x + _HALF) / scale,
}
_ROUNDED: dict[str, Callable[[Fraction], int]] = {
    "floor": floor,
    "ceil": ceil,
    "round_prefer_floor": lambda place: ceil(place - _HALF),
    "round_prefer_ceil": lambda place: floor(place + _HALF),
}
_VARIANTS = ((False, False), (False, True), (True, False))  # corners aligned, centres of pixels


def nearest_pixels(
    reader: Reader, what: tuple[Node, Attributes, str], image: int, sizes: tuple[int, int]
) -> int:
    """A resize that reads the same pixels, else rows and columns by their numbers.

    ``what`` is the node, its attributes and its rule for places.
    """
    node, attrs, rule = what
    rounding = attrs.text("nearest_mode", "round_prefer_floor")
    if node.op_type == "Upsample":
        rounding = "floor"
    if rule not in PLACES or rounding not in _ROUNDED:
        raise Unknown(f"nearest neighbours by the rule {rule}, {rounding}")
    old = reader.new.shape(image)[1:3]
    scales = axis_scales(reader, node, attrs, (old, sizes))
    rows, columns = (
        _pixels((rule, rounding), *each) for each in zip(old, sizes, scales, strict=True)
    )
    name, channels = node.output[0], reader.new.shape(image)[3]
    for corners, centres in _VARIANTS:
        how = ResizeAttrs(corners, centres)
        found = [nearest(n, m, how).tolist() for n, m in zip(old, sizes, strict=True)]
        if found == [rows, columns]:
            size = reader.new.integers(f"{name}/size", sizes)
            fields = {"AlignCorners": corners, "HalfPixelCenters": centres}
            shape = (1, *sizes, channels)
            return reader.new.op("RESIZE_NEAREST_NEIGHBOR", (image, size), shape, name, **fields)
    numbers = reader.new.integers(f"{name}/rows", rows)
    high = (1, len(rows), old[1], channels)
    image = reader.new.op("GATHER", (image, numbers), high, f"{name}/high", Axis=1)
    numbers = reader.new.integers(f"{name}/columns", columns)
    return reader.new.op("GATHER", (image, numbers), (1, *sizes, channels), name, Axis=2)


def axis_scales(
    reader: Reader, node: Node, attrs: Attributes, sizes: tuple[Sequence[int], Sequence[int]]
) -> tuple[Fraction, Fraction]:
    """The factors of height and width; ``sizes`` are the old and the new ones."""
    given, (old, new) = scales_of(reader, node, attrs), sizes
    if given is not None:
        found = [Fraction(float(np.float32(value))) for value in given[2:]]
        return (Fraction(1), found[0]) if len(found) == 1 else (found[0], found[1])
    return Fraction(new[0], old[0]), Fraction(new[1], old[1])


def scales_of(reader: Reader, node: Node, attrs: Attributes) -> Sequence[float] | None:
    """The factor of every axis; None where the size is given instead."""
    held = attrs.numbers("scales")
    if held is not None:
        return held
    place = 1 if node.op_type == "Upsample" or reader.opset < 11 else 2
    given = reader.constant(node, place, "the scale")
    return given.tolist() if given is not None and given.size in (3, 4) else None


def _pixels(how: tuple[str, str], old: int, new: int, scale: Fraction) -> list[int]:
    rule, rounding = how
    found = (_ROUNDED[rounding](PLACES[rule](x, scale, old, new)) for x in range(new))
    return [min(max(each, 0), old - 1) for each in found]
