"""ONNX operators that move elements: shapes, slices, joins."""

from __future__ import annotations

from math import prod

import numpy as np

from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.convert.importers.onnx_values import Reader


def reshape(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Reshape with 0 (as it is) and -1 (what is left)."""
    value = reader.value(node.input[0])
    wanted = reader.constant(node, 1, "the shape")
    assert wanted is not None
    old = reader.new.shape(value)
    keeps = not attrs.integer("allowzero", 0)
    shape = [old[i] if n == 0 and keeps else int(n) for i, n in enumerate(wanted)]
    if -1 in shape:
        shape[shape.index(-1)] = prod(old) // max(prod(n for n in shape if n != -1), 1)
    if prod(shape) != prod(old):
        raise Unknown(f"from {list(old)} to {shape}: was the batch size fixed when exporting?")
    return reader.new.reshape(value, shape)


def flatten(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Flatten to two dimensions."""
    value = reader.value(node.input[0])
    shape = reader.new.shape(value)
    axis = attrs.integer("axis", 1)
    axis = axis + len(shape) if axis < 0 else axis
    return reader.new.reshape(value, (prod(shape[:axis]), prod(shape[axis:])))


def squeeze(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Squeeze: drops dimensions of one element."""
    value = reader.value(node.input[0])
    shape = reader.new.shape(value)
    axes = _axes(reader, node, attrs, len(shape))
    if axes is None:
        axes = [i for i, size in enumerate(shape) if size == 1]
    return reader.new.reshape(value, [n for i, n in enumerate(shape) if i not in axes])


def unsqueeze(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Unsqueeze: adds dimensions of one element."""
    value = reader.value(node.input[0])
    left = list(reader.new.shape(value))
    given = attrs.integers("axes") or reader.constant(node, 1, "the list of axes")
    assert given is not None
    rank = len(left) + len(given)
    axes = {int(axis) % rank for axis in given}
    return reader.new.reshape(value, [1 if i in axes else left.pop(0) for i in range(rank)])


def _axes(reader: Reader, node: Node, attrs: Attributes, rank: int) -> list[int] | None:
    given = attrs.integers("axes")
    if given is None:
        held = reader.constant(node, 1, "the list of axes")
        given = None if held is None else held.tolist()
    return None if given is None else [int(axis) % rank for axis in given]


def transpose(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Transpose."""
    value = reader.value(node.input[0])
    rank = len(reader.new.shape(value))
    return reader.new.transpose(value, attrs.integers("perm") or range(rank)[::-1])


def concat(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Concat."""
    values = [reader.value(name) for name in node.input]
    shape = list(reader.new.shape(values[0]))
    axis = attrs.integer("axis") % len(shape)
    shape[axis] = sum(reader.new.shape(value)[axis] for value in values)
    return reader.new.op("CONCATENATION", values, shape, node.output[0], Axis=axis)


def split(reader: Reader, node: Node, attrs: Attributes) -> tuple[int, ...]:
    """Split, as one SLICE per part."""
    value = reader.value(node.input[0])
    shape = reader.new.shape(value)
    axis = attrs.integer("axis", 0) % len(shape)
    held = reader.constant(node, 1, "the list of sizes")
    sizes = attrs.integers("split") or (held.tolist() if held is not None else None)
    if sizes is None:
        part = -(-shape[axis] // len(node.output))
        sizes = [min(part, shape[axis] - part * i) for i in range(len(node.output))]
    begins = np.cumsum([0, *sizes[:-1]])
    return tuple(
        cut(reader, value, (axis, int(begin), int(size)), name)
        for begin, size, name in zip(begins, sizes, node.output, strict=True)
    )


def cut(reader: Reader, value: int, part: tuple[int, int, int], name: str) -> int:
    """``part`` = (axis, first, how many) of a value."""
    axis, begin, size = part
    shape = list(reader.new.shape(value))
    if (begin, size) == (0, shape[axis]):
        return value
    shape[axis] = size
    begins = [begin if i == axis else 0 for i in range(len(shape))]
    first = reader.new.integers(f"{name}/begin", begins)
    sizes = reader.new.integers(f"{name}/size", shape)
    return reader.new.op("SLICE", (value, first, sizes), shape, name)


def slices(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Slice with constant bounds and steps of one or more."""
    value = reader.value(node.input[0])
    shape = list(reader.new.shape(value))
    starts, ends = attrs.integers("starts"), attrs.integers("ends")
    axes, steps = attrs.integers("axes"), None
    if starts is None:
        held = [reader.constant(node, i, "a bound") for i in range(1, 5)]
        starts, ends, axes, steps = (None if h is None else h.tolist() for h in held)
    assert starts is not None
    assert ends is not None
    axes = axes or list(range(len(starts)))
    steps = steps or [1] * len(starts)
    bounds = [[0, size, 1] for size in shape]
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        if step < 1:
            raise Unknown(f"a step of {step}")
        bounds[axis % len(shape)] = list(slice(start, end, step).indices(shape[axis]))
    result = [len(range(*bound)) for bound in bounds]
    if all(bound[2] == 1 for bound in bounds):
        for axis, (bound, size) in enumerate(zip(bounds, result, strict=True)):
            value = cut(reader, value, (axis, bound[0], size), f"{node.output[0]}/{axis}")
        return value
    columns = zip(*bounds, strict=True)
    consts = [reader.new.integers(f"{node.output[0]}/bounds", column) for column in columns]
    return reader.new.op("STRIDED_SLICE", (value, *consts), result, node.output[0])


def gather(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Gather: one element or several along an axis, or rows of a constant table."""
    axis, name = attrs.integer("axis", 0), node.output[0]
    indices = reader.constants.get(node.input[1])
    value = reader.value(node.input[0])
    shape = reader.new.shape(value)
    axis %= len(shape)
    if indices is not None and indices.size == 1:
        first = int(indices.ravel()[0]) % shape[axis]
        part = cut(reader, value, (axis, first, 1), name)
        return reader.new.reshape(part, (*shape[:axis], *indices.shape, *shape[axis + 1 :]))
    given = reader.value(node.input[1])
    result = (*shape[:axis], *reader.new.shape(given), *shape[axis + 1 :])
    return reader.new.op("GATHER", (value, given), result, name, Axis=axis)


def pad(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Pad with a constant or by reflection."""
    value, name = reader.value(node.input[0]), node.output[0]
    shape = reader.new.shape(value)
    held = attrs.integers("pads") or reader.constant(node, 1, "the padding")
    assert held is not None
    fill = reader.constant(node, 2, "the value") if reader.opset >= 11 else None
    number = float(attrs.number("value", 0.0) if fill is None else fill.ravel()[0])
    axes = reader.constant(node, 3, "the list of axes") if reader.opset >= 18 else None
    table = np.zeros((len(shape), 2), np.int32)
    chosen = range(len(shape)) if axes is None else [int(a) % len(shape) for a in axes]
    for place, axis in enumerate(chosen):
        table[axis] = held[place], held[place + len(list(chosen))]
    if table.min() < 0:
        raise Unknown("negative padding")
    result = [size + int(row.sum()) for size, row in zip(shape, table, strict=True)]
    constant = reader.new.constant(f"{name}/pads", table)
    mode = attrs.text("mode", "constant")
    if mode == "reflect":
        return reader.new.op("MIRROR_PAD", (value, constant), result, name, Mode=0)
    if mode != "constant":
        raise Unknown(f"mode {mode}")
    if number == 0.0:
        return reader.new.op("PAD", (value, constant), result, name)
    with_value = reader.new.constant(f"{name}/value", np.array(number, np.float32))
    return reader.new.op("PADV2", (value, constant, with_value), result, name)


def expand(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Expand: BROADCAST_TO."""
    value = reader.value(node.input[0])
    wanted = reader.constant(node, 1, "the shape")
    assert wanted is not None
    shape = np.broadcast_shapes(reader.new.shape(value), tuple(int(n) for n in wanted))
    if shape == reader.new.shape(value):
        return value
    sizes = reader.new.integers(f"{node.output[0]}/shape", shape)
    return reader.new.op("BROADCAST_TO", (value, sizes), shape, node.output[0])


def depth_to_space(reader: Reader, node: Node, attrs: Attributes) -> int:
    """DepthToSpace in the order of .tflite."""
    if attrs.text("mode", "DCR") != "DCR":
        raise Unknown("mode CRD")
    block = attrs.integer("blocksize")
    value = reader.new.transpose(reader.value(node.input[0]), (0, 2, 3, 1))
    batch, height, width, channels = reader.new.shape(value)
    shape = (batch, height * block, width * block, channels // block**2)
    made = reader.new.op("DEPTH_TO_SPACE", (value,), shape, node.output[0], BlockSize=block)
    return reader.new.transpose(made, (0, 3, 1, 2))
