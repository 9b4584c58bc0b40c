"""ONNX comparisons, choices between values, and places of the greatest."""

from __future__ import annotations

import numpy as np

from tinyml.convert.importers.onnx_elementwise import two
from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.convert.importers.onnx_values import Handler, Reader
from tinyml.ir.dtype import BOOL, FLOAT32, INT32

_COMPARED = {
    "Equal": "EQUAL",
    "Greater": "GREATER",
    "GreaterOrEqual": "GREATER_EQUAL",
    "Less": "LESS",
    "LessOrEqual": "LESS_EQUAL",
}
_LOGIC = {"And": "LOGICAL_AND", "Or": "LOGICAL_OR", "Xor": "NOT_EQUAL"}


def deciding(kind: str) -> Handler:
    """A handler for an operator on two operands with a result that is true or false."""

    def handler(reader: Reader, node: Node, attrs: Attributes) -> int:
        operands = [reader.value(name) for name in node.input]
        result = two(reader, kind, (operands[0], operands[1]), node.output[0])
        reader.new.retype(result, BOOL)
        return result

    return handler


def negation(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Not."""
    value = reader.value(node.input[0])
    return reader.new.op("LOGICAL_NOT", (value,), reader.new.shape(value), node.output[0])


def where(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Where: one of two values, by a condition."""
    condition, one, other = (reader.value(name) for name in node.input)
    shapes = [reader.new.shape(each) for each in (condition, one, other)]
    shape = np.broadcast_shapes(*shapes)
    result = reader.new.op("SELECT_V2", (condition, one, other), shape, node.output[0])
    reader.new.retype(result, reader.new.tensors[one].dtype)
    return result


def cast(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Cast; all floats are float32, and all whole numbers int32."""
    import onnx

    value = reader.value(node.input[0])
    wanted = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(attrs.integer("to")))
    held = reader.new.tensors[value].dtype
    becomes = {"f": FLOAT32, "b": BOOL, "i": INT32, "u": INT32}.get(wanted.kind)
    if becomes is None:
        raise Unknown(f"from {held} to {wanted}")
    if becomes == held:
        return value
    if held == BOOL and becomes == FLOAT32:
        return chosen(reader, value, (0.0, 1.0), node.output[0])
    fields = {"InDataType": held.tflite, "OutDataType": becomes.tflite}
    made = reader.new.op("CAST", (value,), reader.new.shape(value), node.output[0], **fields)
    reader.new.retype(made, becomes)
    return made


def place(kind: str) -> Handler:
    """A handler for ArgMax and ArgMin; their numbers are int32."""

    def handler(reader: Reader, node: Node, attrs: Attributes) -> int:
        value, name = reader.value(node.input[0]), node.output[0]
        shape = list(reader.new.shape(value))
        axis = attrs.integer("axis", 0) % len(shape)
        if attrs.integer("select_last_index", 0):
            raise Unknown("the last of equal values")
        kept = [n for i, n in enumerate(shape) if i != axis]
        operand = reader.new.constant(f"{name}/axis", np.array(axis, np.int32))
        fields = {"OutputType": INT32.tflite}
        made = reader.new.op(kind, (value, operand), kept, name, **fields)
        reader.new.retype(made, INT32)
        if not attrs.integer("keepdims", 1):
            return made
        shape[axis] = 1
        return reader.new.reshape(made, shape)

    return handler


def top(reader: Reader, node: Node, attrs: Attributes) -> tuple[int, int]:
    """TopK of the greatest value alone, or the least: values and places."""
    count = reader.constant(node, 1, "the count")
    if count is None or int(count.ravel()[0]) != 1:
        raise Unknown("more than the greatest one: firmware does not sort")
    value, name = reader.value(node.input[0]), node.output[0]
    shape = list(reader.new.shape(value))
    axis = attrs.integer("axis", -1) % len(shape)
    is_largest = bool(attrs.integer("largest", 1))
    axes, kept = reader.new.integers(f"{name}/axes", (axis,)), list(shape)
    kept[axis] = 1
    kind = "REDUCE_MAX" if is_largest else "REDUCE_MIN"
    values = reader.new.op(kind, (value, axes), kept, name, KeepDims=True)
    operand = reader.new.constant(f"{name}/axis", np.array(axis, np.int32))
    less = [n for i, n in enumerate(shape) if i != axis]
    kind = "ARG_MAX" if is_largest else "ARG_MIN"
    where_it_is = reader.new.op(
        kind, (value, operand), less, f"{name}/place", OutputType=INT32.tflite
    )
    reader.new.retype(where_it_is, INT32)
    return values, reader.new.reshape(where_it_is, kept)


def hardmax(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Hardmax: 1 where the greatest value is, else 0. Of equal ones all are the greatest."""
    value, name = reader.value(node.input[0]), node.output[0]
    shape = list(reader.new.shape(value))
    axis = attrs.integer("axis", -1 if reader.opset >= 13 else 1) % len(shape)
    # Of old, all axes from that one on were one.
    together = range(axis, axis + 1 if reader.opset >= 13 else len(shape))
    axes = reader.new.integers(f"{name}/axes", tuple(together))
    top = [1 if i in together else n for i, n in enumerate(shape)]
    most = reader.new.op("REDUCE_MAX", (value, axes), top, f"{name}/most", KeepDims=True)
    is_most = reader.new.op("EQUAL", (value, most), shape, f"{name}/is_most")
    reader.new.retype(is_most, BOOL)
    return chosen(reader, is_most, (0.0, 1.0), name)


def chosen(reader: Reader, condition: int, values: tuple[float, float], name: str) -> int:
    """The second of two numbers where a condition holds, else the first."""
    shape = reader.new.shape(condition)
    off, on = (
        reader.new.constant(f"{name}/{word}", np.full((1,) * len(shape), number, np.float32))
        for word, number in zip(("off", "on"), values, strict=True)
    )
    made = reader.new.op("SELECT_V2", (condition, on, off), shape, name)
    reader.new.retype(made, FLOAT32)
    return made


def one_hot(reader: Reader, node: Node, attrs: Attributes) -> int:
    """OneHot along the last axis: numbers compared with 0, 1, 2 ..."""
    depth, values = (reader.constant(node, i, "an operand") for i in (1, 2))
    assert depth is not None
    assert values is not None
    numbers, name = reader.value(node.input[0]), node.output[0]
    shape = reader.new.shape(numbers)
    axis, count = attrs.integer("axis", -1), int(depth.ravel()[0])
    if axis % (len(shape) + 1) != len(shape):
        raise Unknown("an axis that is not the last")
    if reader.new.tensors[numbers].dtype != INT32 or values.dtype.kind != "f":
        raise Unknown("numbers or values of this type")
    column = reader.new.reshape(numbers, (*shape, 1))
    each = reader.new.integers(f"{name}/each", range(count))
    is_it = two(reader, "EQUAL", (column, each), f"{name}/is_it")
    reader.new.retype(is_it, BOOL)
    return chosen(reader, is_it, (float(values[0]), float(values[1])), name)


def triangle(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Trilu: a product with ones and zeros."""
    value = reader.value(node.input[0])
    shape = reader.new.shape(value)
    held = reader.constant(node, 1, "the diagonal")
    k = 0 if held is None else int(held.ravel()[0])
    ones = np.ones(shape[-2:], np.float32)
    kept = np.triu(ones, k) if attrs.integer("upper", 1) else np.tril(ones, k)
    constant = reader.new.constant(f"{node.output[0]}/kept", kept)
    return two(reader, "MUL", (value, constant), node.output[0])


HANDLERS: dict[str, Handler] = {
    **{name: deciding(kind) for name, kind in (_COMPARED | _LOGIC).items()},
    "ArgMax": place("ARG_MAX"),
    "ArgMin": place("ARG_MIN"),
    "Cast": cast,
    "Hardmax": hardmax,
    "Not": negation,
    "OneHot": one_hot,
    "TopK": top,
    "Trilu": triangle,
    "Where": where,
}
