"""ONNX operators that choose elements by number, repeat them, or put borders around them."""

from __future__ import annotations

import numpy as np

from tinyml.convert.importers.onnx_axes import bordered, cut, wrapped
from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.convert.importers.onnx_values import Handler, Reader
from tinyml.ir.dtype import BOOL
from tinyml.ir.graph import Array


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
    if indices is None:
        given = reader.value(node.input[1])
    else:
        given = reader.new.constant(f"{name}/rows", (indices % shape[axis]).astype(np.int32))
    result = (*shape[:axis], *reader.new.shape(given), *shape[axis + 1 :])
    return reader.new.op("GATHER", (value, given), result, name, Axis=axis)


def gather_elements(reader: Reader, node: Node, attrs: Attributes) -> int:
    """GatherElements by constant numbers: elements of the flat value."""
    value, numbers = reader.value(node.input[0]), reader.constant(node, 1, "the list of numbers")
    assert numbers is not None
    shape, axis = reader.new.shape(value), attrs.integer("axis", 0)
    places = [np.asarray(each) for each in np.indices(numbers.shape)]
    places[axis] = numbers % shape[axis]
    flat: Array = np.asarray(np.ravel_multi_index(tuple(places), shape), np.int32)
    return _picked(reader, value, flat, node.output[0])


def gather_nd(reader: Reader, node: Node, attrs: Attributes) -> int:
    """GatherND by constant numbers."""
    value, numbers = reader.value(node.input[0]), reader.constant(node, 1, "the list of numbers")
    assert numbers is not None
    if attrs.integer("batch_dims", 0):
        raise Unknown("batch_dims")
    shape, depth = reader.new.shape(value), numbers.shape[-1]
    every = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    flat = every[tuple(np.moveaxis(numbers % np.array(shape[:depth]), -1, 0))]
    return _picked(reader, value, flat, node.output[0])


def _picked(reader: Reader, value: int, places: Array, name: str) -> int:
    """Elements of a flattened value; ``places`` has the shape of the result."""
    line = reader.new.reshape(value, (int(np.prod(reader.new.shape(value))),))
    numbers = reader.new.integers(f"{name}/places", places.ravel().tolist())
    made = reader.new.op("GATHER", (line, numbers), (places.size,), name)
    return reader.new.reshape(made, places.shape)


def scatter_nd(reader: Reader, node: Node, attrs: Attributes) -> int:
    """ScatterND of constants: a choice between them and the value."""
    value = reader.value(node.input[0])
    numbers, updates = (reader.constant(node, i, "an operand") for i in (1, 2))
    assert numbers is not None
    assert updates is not None
    if attrs.text("reduction", "none") != "none":
        raise Unknown("a reduction")
    shape, name = reader.new.shape(value), node.output[0]
    held, is_new = np.zeros(shape, np.float32), np.zeros(shape, np.bool_)
    where = tuple(np.moveaxis(numbers, -1, 0))
    held[where], is_new[where] = updates, True
    condition = reader.new.constant(f"{name}/is_new", is_new)
    assert reader.new.tensors[condition].dtype == BOOL
    made = reader.new.op(
        "SELECT_V2", (condition, reader.new.constant(f"{name}/new", held), value), shape, name
    )
    reader.new.retype(made, reader.new.tensors[value].dtype)
    return made


def tile(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Tile."""
    value, times = reader.value(node.input[0]), reader.constant(node, 1, "the repeats")
    assert times is not None
    shape = [n * int(t) for n, t in zip(reader.new.shape(value), times, strict=True)]
    counts = reader.new.integers(f"{node.output[0]}/times", times.tolist())
    return reader.new.op("TILE", (value, counts), shape, node.output[0])


def cumulated(reader: Reader, node: Node, attrs: Attributes) -> int:
    """CumSum."""
    value, axis = reader.value(node.input[0]), reader.constant(node, 1, "the axis")
    assert axis is not None
    name = node.output[0]
    operand = reader.new.constant(f"{name}/axis", np.array(int(axis.ravel()[0]), np.int32))
    fields = {"Exclusive": bool(attrs.integer("exclusive", 0))}
    fields["Reverse"] = bool(attrs.integer("reverse", 0))
    return reader.new.op("CUMSUM", (value, operand), reader.new.shape(value), name, **fields)


_BY_PARTS = {"edge": bordered, "wrap": wrapped}


def pad(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Pad with a constant, by reflection, with the border or the other end; below 0 it cuts."""
    value, name = reader.value(node.input[0]), node.output[0]
    rank = len(reader.new.shape(value))
    held = attrs.integers("pads") or reader.constant(node, 1, "the padding")
    assert held is not None
    fill = reader.constant(node, 2, "the value") if reader.opset >= 11 else None
    number = float(attrs.number("value", 0.0) if fill is None or not fill.size else fill.ravel()[0])
    axes = reader.constant(node, 3, "the list of axes") if reader.opset >= 18 else None
    table = np.zeros((rank, 2), np.int32)
    chosen = list(range(rank)) if axes is None else [int(a) % rank for a in axes]
    for place, axis in enumerate(chosen):
        table[axis] = held[place], held[place + len(chosen)]
    value = _without(reader, value, np.maximum(-table, 0), name)
    return _padded(
        reader, value, np.maximum(table, 0), (attrs.text("mode", "constant"), number), name
    )


def _without(reader: Reader, value: int, lost: Array, name: str) -> int:
    """Less so many elements before and after, along each axis."""
    for axis, (before, after) in enumerate(lost.tolist()):
        size = reader.new.shape(value)[axis] - before - after
        value = cut(reader, value, (axis, before, size), f"{name}/cut_{axis}")
    return value


def _padded(reader: Reader, value: int, table: Array, how: tuple[str, float], name: str) -> int:
    mode, number = how
    if mode in _BY_PARTS:
        for axis, (before, after) in enumerate(table.tolist()):
            value = _BY_PARTS[mode](reader, value, (axis, before, after), name)
        return value
    shape = reader.new.shape(value)
    result = [size + int(row.sum()) for size, row in zip(shape, table, strict=True)]
    if not table.any():
        return value
    constant = reader.new.constant(f"{name}/pads", table)
    if mode == "reflect":
        return reader.new.op("MIRROR_PAD", (value, constant), result, name, Mode=0)
    if mode != "constant":
        raise Unknown(f"mode {mode}")
    if number == 0.0:
        return reader.new.op("PAD", (value, constant), result, name)
    with_value = reader.new.constant(f"{name}/value", np.array(number, np.float32))
    return reader.new.op("PADV2", (value, constant, with_value), result, name)


def depth_to_space(reader: Reader, node: Node, attrs: Attributes) -> int:
    """DepthToSpace; channels in the order of PyTorch are put into that of .tflite first."""
    block = attrs.integer("blocksize")
    value = reader.new.transpose(reader.value(node.input[0]), (0, 2, 3, 1))
    batch, height, width, channels = reader.new.shape(value)
    left, name = channels // block**2, node.output[0]
    if attrs.text("mode", "DCR") == "CRD":
        order = np.arange(channels).reshape(left, block**2).T.ravel()
        numbers = reader.new.integers(f"{name}/channels", order.tolist())
        shape = reader.new.shape(value)
        value = reader.new.op("GATHER", (value, numbers), shape, f"{name}/moved", Axis=3)
    shape = (batch, height * block, width * block, left)
    made = reader.new.op("DEPTH_TO_SPACE", (value,), shape, name, BlockSize=block)
    return reader.new.transpose(made, (0, 3, 1, 2))


def space_to_depth(reader: Reader, node: Node, attrs: Attributes) -> int:
    """SpaceToDepth."""
    block = attrs.integer("blocksize")
    value = reader.new.transpose(reader.value(node.input[0]), (0, 2, 3, 1))
    batch, height, width, channels = reader.new.shape(value)
    shape = (batch, height // block, width // block, channels * block**2)
    made = reader.new.op("SPACE_TO_DEPTH", (value,), shape, node.output[0], BlockSize=block)
    return reader.new.transpose(made, (0, 3, 1, 2))


HANDLERS: dict[str, Handler] = {
    "CumSum": cumulated,
    "DepthToSpace": depth_to_space,
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "Pad": pad,
    "ScatterND": scatter_nd,
    "SpaceToDepth": space_to_depth,
    "Tile": tile,
}
