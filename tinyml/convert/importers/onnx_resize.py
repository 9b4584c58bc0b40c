"""ONNX resizes of images and of lines, where .tflite computes the same."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from tinyml.convert.importers.onnx_nearest import nearest_pixels, scales_of
from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.convert.importers.onnx_taps import weighted_pixels
from tinyml.convert.importers.onnx_values import Handler, Reader
from tinyml.convert.importers.onnx_weighted import as_image, from_image

_Number = TypeVar("_Number", int, float)


def resize(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Resize and Upsample."""
    if attrs.integer("antialias", 0) or "axes" in attrs or attrs.integer("exclude_outside", 0):
        raise Unknown("antialias, axes or exclude_outside")
    image, is_line = as_image(reader, node)
    height, width = reader.new.shape(image)[1:3]
    sizes = _resized(reader, node, attrs, (height, width))
    mode = attrs.text("mode", "nearest")
    rule = attrs.text("coordinate_transformation_mode", "half_pixel")
    if node.op_type == "Upsample" or reader.opset < 11:
        rule = "asymmetric"
    if mode == "nearest":
        made = nearest_pixels(reader, (node, attrs, rule), image, sizes)
        return from_image(reader, made, is_line)
    if mode not in ("linear", "bilinear", "cubic"):
        raise Unknown(f"mode {mode}")
    made = weighted_pixels(reader, (node, attrs, rule), image, sizes)
    return from_image(reader, made, is_line)


def _resized(
    reader: Reader, node: Node, attrs: Attributes, old: tuple[int, int]
) -> tuple[int, int]:
    """Height and width of the result; a line is an image of one row."""
    scales, sizes = scales_of(reader, node, attrs), None
    if node.op_type == "Resize" and reader.opset >= 11:
        sizes = reader.constant(node, 3, "the size")
    if sizes is not None and sizes.size:
        return _pair([int(size) for size in sizes[2:]], 1)
    if scales is None or scales[0] != 1 or scales[1] != 1:
        raise Unknown("a scale of other axes than height and width")
    rows, columns = _pair([float(np.float32(scale)) for scale in scales[2:]], 1.0)
    return int(np.floor(old[0] * rows)), int(np.floor(old[1] * columns))


def _pair(values: list[_Number], one: _Number) -> tuple[_Number, _Number]:
    return (one, values[0]) if len(values) == 1 else (values[0], values[1])


HANDLERS: dict[str, Handler] = {"Resize": resize, "Upsample": resize}
