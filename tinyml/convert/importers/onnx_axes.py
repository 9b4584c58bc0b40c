"""ONNX operators that move elements: shapes, slices, joins."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.convert.importers.onnx_values import Handler, Reader


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
    """Slice with constant bounds; steps below 0 turn what is taken around."""
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
    turned: list[int] = []
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        found = range(*slice(start, end, step).indices(shape[axis]))
        if step < 0:
            turned.append(axis % len(shape))
            found = found[::-1]
        bounds[axis % len(shape)] = [found.start, found.stop, found.step]
    result = [len(range(*bound)) for bound in bounds]
    if all(bound[2] == 1 for bound in bounds):
        for axis, (bound, size) in enumerate(zip(bounds, result, strict=True)):
            value = cut(reader, value, (axis, bound[0], size), f"{node.output[0]}/{axis}")
        return _turned(reader, value, turned, node.output[0])
    columns = zip(*bounds, strict=True)
    consts = [reader.new.integers(f"{node.output[0]}/bounds", column) for column in columns]
    made = reader.new.op("STRIDED_SLICE", (value, *consts), result, node.output[0])
    return _turned(reader, made, turned, node.output[0])


def _turned(reader: Reader, value: int, axes: Sequence[int], name: str) -> int:
    """Back to front along some axes."""
    for axis in axes:
        numbers = reader.new.integers(f"{name}/turned_{axis}/axis", (axis,))
        shape = reader.new.shape(value)
        value = reader.new.op("REVERSE_V2", (value, numbers), shape, f"{name}/turned_{axis}")
    return value


def reversed_part(reader: Reader, node: Node, attrs: Attributes) -> int:
    """ReverseSequence of one sample: its first steps back to front."""
    value, name = reader.value(node.input[0]), node.output[0]
    shape, length = list(reader.new.shape(value)), reader.constant(node, 1, "the length")
    assert length is not None
    axis, samples = attrs.integer("time_axis", 0), attrs.integer("batch_axis", 1)
    if shape[samples] != 1:
        raise Unknown(f"{shape[samples]} samples")
    count = int(length.ravel()[0])
    turned = _turned(reader, cut(reader, value, (axis, 0, count), f"{name}/first"), (axis,), name)
    if count == shape[axis]:
        return turned
    rest = cut(reader, value, (axis, count, shape[axis] - count), f"{name}/rest")
    return reader.new.op("CONCATENATION", (turned, rest), shape, name, Axis=axis)


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


def bordered(reader: Reader, value: int, part: tuple[int, int, int], name: str) -> int:
    """``part`` = (axis, copies of the first element in front, copies of the last one behind)."""
    axis, before, after = part
    if not before and not after:
        return value
    shape = list(reader.new.shape(value))
    label = f"{name}/border_{axis}"
    parts = [value]
    if before:
        parts = [cut(reader, value, (axis, 0, 1), f"{label}_first")] * before + parts
    if after:
        parts += [cut(reader, value, (axis, shape[axis] - 1, 1), f"{label}_last")] * after
    shape[axis] += before + after
    return reader.new.op("CONCATENATION", parts, shape, label, Axis=axis)


def wrapped(reader: Reader, value: int, part: tuple[int, int, int], name: str) -> int:
    """``part`` = (axis, last elements that go in front, first ones that go behind)."""
    axis, before, after = part
    shape = list(reader.new.shape(value))
    if not before and not after:
        return value
    if max(before, after) > shape[axis]:
        raise Unknown("wrapped around more than once")
    label = f"{name}/around_{axis}"
    parts = [value]
    if before:
        parts.insert(0, cut(reader, value, (axis, shape[axis] - before, before), f"{label}_last"))
    if after:
        parts.append(cut(reader, value, (axis, 0, after), f"{label}_first"))
    shape[axis] += before + after
    return reader.new.op("CONCATENATION", parts, shape, label, Axis=axis)


HANDLERS: dict[str, Handler] = {
    "Concat": concat,
    "Expand": expand,
    "Flatten": flatten,
    "Reshape": reshape,
    "ReverseSequence": reversed_part,
    "Slice": slices,
    "Split": split,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
