"""ONNX pooling, reductions and resizing."""

from __future__ import annotations

import numpy as np

from tinyml.convert.importers.onnx_nearest import nearest_pixels
from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.convert.importers.onnx_values import Handler, Reader
from tinyml.convert.importers.onnx_weighted import (
    SAME,
    VALID,
    as_image,
    from_image,
    out_sizes,
    padded,
    pads_of,
    pair,
)


def max_pool(reader: Reader, node: Node, attrs: Attributes) -> int:
    """MaxPool; padding that SAME cannot say needs values of at least 0, which zeros do not beat."""
    image, is_line = as_image(reader, node)
    window, steps = _window(attrs, is_line)
    if max(pair(attrs.integers("dilations"), 1, is_line)) > 1:
        raise Unknown("dilation")
    pads = _ceiled(reader, image, attrs, is_line)
    found, padding = padded(reader, image, pads, (window, steps), node.output[0])
    if found != image and not _is_positive(reader, image):
        raise Unknown("padding of values that may be negative")
    return _pool(reader, "MAX_POOL_2D", (found, window, steps, padding), node.output[0], is_line)


def average_pool(reader: Reader, node: Node, attrs: Attributes) -> int:
    """AveragePool; padding that SAME cannot say counts as zeros, and is scaled away otherwise."""
    image, is_line = as_image(reader, node)
    window, steps = _window(attrs, is_line)
    pads = _ceiled(reader, image, attrs, is_line)
    counts = bool(attrs.integer("count_include_pad", 0))
    name = node.output[0]
    found, padding = padded(reader, image, pads, (window, steps), name)
    if padding == SAME and counts and not isinstance(pads, str):
        found, padding = _with_zeros(reader, image, pads, name), VALID
    if found != image and attrs.integer("ceil_mode", 0):
        raise Unknown("ceil_mode with padding")
    sizes = reader.new.shape(found)[1:3]
    result = _pool(reader, "AVERAGE_POOL_2D", (found, window, steps, padding), name, is_line)
    if found == image or counts:
        return result
    inside = np.zeros((1, 1, *sizes), np.float32)
    top, left = (pads[0], pads[1]) if not isinstance(pads, str) else (0, 0)
    height, width = reader.new.shape(image)[1:3]
    inside[:, :, top : top + height, left : left + width] = 1
    rows, columns = out_sizes(sizes, window, steps, VALID)
    share = np.ones((1, 1, rows, columns), np.float32)
    for y in range(rows):
        for x in range(columns):
            part = inside[0, 0, y * steps[0] :, x * steps[1] :][: window[0], : window[1]]
            share[0, 0, y, x] = window[0] * window[1] / part.sum()
    scale = reader.new.constant(f"{name}/share", share[:, :, 0] if is_line else share)
    return reader.new.op("MUL", (result, scale), reader.new.shape(result), f"{name}/mean")


def _pool(
    reader: Reader,
    kind: str,
    how: tuple[int, tuple[int, int], tuple[int, int], int],
    name: str,
    is_line: bool,
) -> int:
    image, window, steps, padding = how
    shape = reader.new.shape(image)
    result = reader.new.op(
        kind,
        (image,),
        (1, *out_sizes(shape[1:3], window, steps, padding), shape[3]),
        name,
        Padding=padding,
        StrideH=steps[0],
        StrideW=steps[1],
        FilterHeight=window[0],
        FilterWidth=window[1],
    )
    return from_image(reader, result, is_line)


def _window(attrs: Attributes, is_line: bool) -> tuple[tuple[int, int], tuple[int, int]]:
    return pair(attrs.needed("kernel_shape"), 1, is_line), pair(
        attrs.integers("strides"), 1, is_line
    )


def _ceiled(
    reader: Reader, image: int, attrs: Attributes, is_line: bool
) -> tuple[int, int, int, int] | str:
    """The pads, with what ceil_mode adds behind."""
    pads = pads_of(attrs, is_line)
    if isinstance(pads, str) or not attrs.integer("ceil_mode", 0):
        return pads
    window, steps = _window(attrs, is_line)
    found = list(pads)
    for axis, size in enumerate(reader.new.shape(image)[1:3]):
        whole = size + pads[axis] + pads[axis + 2]
        count = -(-(whole - window[axis]) // steps[axis]) + 1
        if (count - 1) * steps[axis] >= size + pads[axis]:
            count -= 1  # a window that would begin in the padding behind
        found[axis + 2] += max((count - 1) * steps[axis] + window[axis] - whole, 0)
    return found[0], found[1], found[2], found[3]


def _with_zeros(reader: Reader, image: int, pads: tuple[int, int, int, int], name: str) -> int:
    table = np.array(((0, 0), (pads[0], pads[2]), (pads[1], pads[3]), (0, 0)), np.int32)
    shape = [n + int(row.sum()) for n, row in zip(reader.new.shape(image), table, strict=True)]
    constant = reader.new.constant(f"{name}/pads", table)
    return reader.new.op("PAD", (image, constant), shape, f"{name}/pad")


def _is_positive(reader: Reader, image: int) -> bool:
    """Whether a value comes out of a RELU or the like, moved but not changed since."""
    makers = {op.outputs[0]: op for op in reader.new.ops}
    while image in makers:
        op = makers[image]
        if op.kind in ("RELU", "RELU6", "LOGISTIC"):
            return True
        if op.kind not in ("TRANSPOSE", "RESHAPE", "MAX_POOL_2D", "AVERAGE_POOL_2D"):
            return False
        image = op.inputs[0]
    return False


def global_pool(kind: str) -> Handler:
    """A handler that reduces all dimensions of the image."""

    def handler(reader: Reader, node: Node, attrs: Attributes) -> int:
        value = reader.value(node.input[0])
        axes = range(2, len(reader.new.shape(value)))
        return _reduced(reader, kind, (value, tuple(axes), True), node.output[0])

    return handler


def reduction(kind: str) -> Handler:
    """A handler for ReduceMean and its kin."""

    def handler(reader: Reader, node: Node, attrs: Attributes) -> int:
        value = reader.value(node.input[0])
        rank = len(reader.new.shape(value))
        given = attrs.integers("axes")
        if given is None:
            held = reader.constant(node, 1, "the list of axes")
            given = [] if held is None else held.tolist()
        if not given and attrs.integer("noop_with_empty_axes", 0):
            return value
        axes = tuple(axis % rank for axis in given) or tuple(range(rank))
        return _reduced(
            reader, kind, (value, axes, bool(attrs.integer("keepdims", 1))), node.output[0]
        )

    return handler


def _reduced(reader: Reader, kind: str, what: tuple[int, tuple[int, ...], bool], name: str) -> int:
    value, axes, keeps = what
    old = reader.new.shape(value)
    shape = [1 if i in axes else n for i, n in enumerate(old) if keeps or i not in axes]
    constant = reader.new.integers(f"{name}/axes", axes)
    return reader.new.op(kind, (value, constant), shape, name, KeepDims=keeps)


def resize(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Resize and Upsample of images, where .tflite computes the same."""
    image, is_line = as_image(reader, node)
    if is_line:
        raise Unknown("one dimension")
    height, width = reader.new.shape(image)[1:3]
    sizes = _resized(reader, node, (height, width))
    mode = attrs.text("mode", "nearest")
    rule = attrs.text("coordinate_transformation_mode", "half_pixel")
    if node.op_type == "Upsample":
        rule = "asymmetric"
    if mode == "nearest":
        made = nearest_pixels(reader, (node, attrs, rule), image, sizes)
        return from_image(reader, made, False)
    if mode != "linear":
        raise Unknown(f"mode {mode}")
    fields = {"AlignCorners": rule == "align_corners", "HalfPixelCenters": "half_pixel" in rule}
    name = node.output[0]
    shape = (1, *sizes, reader.new.shape(image)[3])
    constant = reader.new.integers(f"{name}/size", sizes)
    return from_image(
        reader, reader.new.op("RESIZE_BILINEAR", (image, constant), shape, name, **fields), False
    )


def _resized(reader: Reader, node: Node, old: tuple[int, int]) -> tuple[int, int]:
    if node.op_type == "Upsample":
        scales, sizes = reader.constant(node, 1, "the scale"), None
    else:
        scales, sizes = reader.constant(node, 2, "the scale"), reader.constant(node, 3, "the size")
    if sizes is not None and sizes.size:
        return int(sizes[2]), int(sizes[3])
    if scales is None or scales.size != 4 or scales[0] != 1 or scales[1] != 1:
        raise Unknown("a scale of other axes than height and width")
    return int(np.floor(old[0] * scales[2])), int(np.floor(old[1] * scales[3]))
