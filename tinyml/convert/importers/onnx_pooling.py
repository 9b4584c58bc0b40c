"""ONNX pooling, with any padding."""

from __future__ import annotations

import numpy as np

from tinyml.convert.importers.onnx_axes import bordered
from tinyml.convert.importers.onnx_elementwise import scalar, two
from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.convert.importers.onnx_values import Handler, Reader
from tinyml.convert.importers.onnx_weighted import (
    VALID,
    as_image,
    from_image,
    out_sizes,
    padded,
    pads_of,
    pair,
)
from tinyml.ir.graph import Array

Sides = tuple[int, int, int, int]  # padding: top, left, bottom, right
Window = tuple[tuple[int, int], tuple[int, int]]  # extents and steps


def max_pool(reader: Reader, node: Node, attrs: Attributes) -> int:
    """MaxPool; what SAME cannot say is a border.

    Of zeros where no value is below 0, else of the rows and columns at the border once more: each
    window that has a copy also has the original.
    """
    image, is_line = as_image(reader, node)
    window = _window(attrs, is_line)
    spread = pair(attrs.integers("dilations"), 1, is_line)
    if max(spread) > 1:
        return _dilated(reader, node, attrs, (image, is_line, spread))
    pads = _trimmed(reader, image, _ceiled(reader, image, attrs, is_line), window)
    name = node.output[0]
    found, padding = padded(reader, image, pads, window, name)
    if found != image and not isinstance(pads, str) and not _is_positive(reader, image):
        found = image
        for axis in (1, 2):
            found = bordered(reader, found, (axis, pads[axis - 1], pads[axis + 1]), name)
    return _pool(reader, "MAX_POOL_2D", (found, *window, padding), name, is_line)


def _dilated(
    reader: Reader, node: Node, attrs: Attributes, what: tuple[int, bool, tuple[int, int]]
) -> int:
    """The greatest of slices, one for each place of the window; ``what`` has (.., .., dilation)."""
    image, is_line, spread = what
    if pads_of(attrs, is_line) != (0, 0, 0, 0) or attrs.integer("ceil_mode", 0):
        raise Unknown("dilation with padding or ceil_mode")
    (rows, columns), steps = _window(attrs, is_line)
    shape, name, made = reader.new.shape(image), node.output[0], -1
    reach = [(rows - 1) * spread[0] + 1, (columns - 1) * spread[1] + 1]
    height, width = out_sizes(shape[1:3], reach, steps, VALID)
    for k in range(rows * columns):
        y, x = k // columns * spread[0], k % columns * spread[1]
        ends = (1, y + (height - 1) * steps[0] + 1, x + (width - 1) * steps[1] + 1, shape[3])
        bounds = [
            reader.new.integers(f"{name}/{word}_{k}", values)
            for word, values in (("begin", (0, y, x, 0)), ("end", ends), ("step", (1, *steps, 1)))
        ]
        size = (1, height, width, shape[3])
        part = reader.new.op("STRIDED_SLICE", (image, *bounds), size, f"{name}/part_{k}")
        made = part if k == 0 else two(reader, "MAXIMUM", (made, part), f"{name}/greatest_{k}")
    return from_image(reader, made, is_line)


def _trimmed(reader: Reader, image: int, pads: Sides | str, window: Window) -> Sides | str:
    """The padding without what no window reaches, where that is not SAME's."""
    if isinstance(pads, str):
        return pads
    found = list(pads)
    for axis, size in enumerate(reader.new.shape(image)[1:3]):
        extent, step = window[0][axis], window[1][axis]
        count = (size + pads[axis] + pads[axis + 2] - extent) // step + 1
        found[axis + 2] = max((count - 1) * step + extent - size - pads[axis], 0)
    return found[0], found[1], found[2], found[3]


def average_pool(reader: Reader, node: Node, attrs: Attributes) -> int:
    """AveragePool; padding that SAME cannot say is a border of zeros, scaled away where need be."""
    image, is_line = as_image(reader, node)
    if max(pair(attrs.integers("dilations"), 1, is_line)) > 1:
        raise Unknown("dilation")
    window = _window(attrs, is_line)
    counts = bool(attrs.integer("count_include_pad", 0))
    name = node.output[0]
    said, pads = pads_of(attrs, is_line), _ceiled(reader, image, attrs, is_line)
    found, padding = padded(reader, image, pads, window, name)
    if found == image and (padding == VALID or not counts):
        return _pool(reader, "AVERAGE_POOL_2D", (image, *window, padding), name, is_line)
    if isinstance(pads, str) or isinstance(said, str):
        raise Unknown("counted padding that follows from the shape of the output")
    if found == image:
        found = _with_zeros(reader, image, pads, name)
    result = _pool(reader, "AVERAGE_POOL_2D", (found, *window, VALID), name, is_line)
    sizes = reader.new.shape(image)[1:3]
    inside = _counted(sizes, pads, said if counts else (0, 0, 0, 0))
    share = _share(inside, window)
    if np.all(share == 1):
        return result
    shaped = share[None, None, 0] if is_line else share[None, None]
    scale = reader.new.constant(f"{name}/share", shaped)
    return two(reader, "MUL", (result, scale), f"{name}/mean")


def _counted(sizes: tuple[int, ...], pads: Sides, counted: Sides) -> Array:
    """1 where a pixel of the padded image counts, else 0."""
    height, width = sizes
    inside = np.zeros((height + pads[0] + pads[2], width + pads[1] + pads[3]), np.float32)
    rows = slice(pads[0] - counted[0], pads[0] + height + counted[2])
    columns = slice(pads[1] - counted[1], pads[1] + width + counted[3])
    inside[rows, columns] = 1
    return inside


def _share(inside: Array, window: Window) -> Array:
    """By what the mean of each window is too small: its pixels over those that count."""
    extents, steps = window
    rows, columns = out_sizes(inside.shape, extents, steps, VALID)
    share = np.ones((rows, columns), np.float32)
    for y in range(rows):
        for x in range(columns):
            part = inside[y * steps[0] :, x * steps[1] :][: extents[0], : extents[1]]
            share[y, x] = extents[0] * extents[1] / part.sum()
    return share


def lp_pool(reader: Reader, node: Node, attrs: Attributes) -> int:
    """LpPool of the second degree: the root of a sum of squares."""
    image, is_line = as_image(reader, node)
    pads = pads_of(attrs, is_line)
    if attrs.integer("p", 2) != 2 or pads != (0, 0, 0, 0):
        raise Unknown("a degree other than 2, or padding")
    window, name = _window(attrs, is_line), node.output[0]
    square = two(reader, "MUL", (image, image), f"{name}/squares")
    mean = _pool(reader, "AVERAGE_POOL_2D", (square, *window, VALID), f"{name}/mean", is_line)
    total = scalar(reader, "MUL", mean, float(np.prod(window[0])), f"{name}/sum")
    return reader.new.op("SQRT", (total,), reader.new.shape(total), name)


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


def _window(attrs: Attributes, is_line: bool) -> Window:
    return pair(attrs.needed("kernel_shape"), 1, is_line), pair(
        attrs.integers("strides"), 1, is_line
    )


def _ceiled(reader: Reader, image: int, attrs: Attributes, is_line: bool) -> Sides | str:
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


def _with_zeros(reader: Reader, image: int, pads: Sides, name: str) -> int:
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


HANDLERS: dict[str, Handler] = {
    "AveragePool": average_pool,
    "LpPool": lp_pool,
    "MaxPool": max_pool,
}
