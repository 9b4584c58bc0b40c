"""ONNX operators that work element by element."""

from __future__ import annotations

from math import prod

import numpy as np

from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.convert.importers.onnx_values import Handler, Reader
from tinyml.ir.dtype import FLOAT32, INT8
from tinyml.ir.graph import Quant
from tinyml.model.options import Value

_LEAST = float(np.finfo(np.float32).min)


def unary(kind: str, **fields: Value) -> Handler:
    """A handler for an operator that .tflite has under another name."""

    def handler(reader: Reader, node: Node, attrs: Attributes) -> int:
        value = reader.value(node.input[0])
        return reader.new.op(kind, (value,), reader.new.shape(value), node.output[0], **fields)

    return handler


def binary(kind: str) -> Handler:
    """A handler for an operator on two operands (or more, of Min and Max) with broadcasting."""

    def handler(reader: Reader, node: Node, attrs: Attributes) -> int:
        values = [reader.value(name) for name in node.input]
        if attrs.integer("broadcast", 0):  # up to opset 6
            values[1] = _at_axis(reader, values[0], values[1], attrs)
        result = values[0]
        for value in values[1:]:
            result = two(reader, kind, (result, value), node.output[0])
        return result

    return handler


def _at_axis(reader: Reader, whole: int, part: int, attrs: Attributes) -> int:
    """The second operand of old opsets, whose first axis is the one that an attribute says."""
    rank, shape = len(reader.new.shape(whole)), reader.new.shape(part)
    axis = attrs.integer("axis", rank - len(shape)) % rank if shape else 0
    return reader.new.reshape(part, (1,) * axis + shape + (1,) * (rank - axis - len(shape)))


def mean_of(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Mean of several values."""
    total = binary("ADD")(reader, node, attrs)
    assert isinstance(total, int)
    count = len(node.input)
    return (
        total if count == 1 else scalar(reader, "MUL", total, 1 / count, f"{node.output[0]}/mean")
    )


def two(reader: Reader, kind: str, operands: tuple[int, int], name: str) -> int:
    """An operator on two operands with broadcasting."""
    shape = np.broadcast_shapes(*(reader.new.shape(each) for each in operands))
    return reader.new.op(kind, operands, shape, name)


def scalar(reader: Reader, kind: str, value: int, number: float, name: str) -> int:
    """An operator on a value and a number."""
    constant = reader.new.constant(f"{name}/{kind.lower()}", np.array(number, np.float32))
    return two(reader, kind, (value, constant), name)


def identity(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Identity, Dropout, and Cast between float types."""
    return reader.value(node.input[0])


def cast_like(reader: Reader, node: Node, attrs: Attributes) -> int:
    """CastLike of a value that has the type already."""
    value, like = (reader.value(name) for name in node.input)
    if reader.new.tensors[value].dtype != reader.new.tensors[like].dtype:
        raise Unknown("values of two types")
    return value


def never(reader: Reader, node: Node, attrs: Attributes) -> int:
    """IsNaN and IsInf: numbers are finite."""
    shape = reader.shape(node.input[0])
    return reader.new.constant(node.output[0], np.zeros(shape, bool))


def remainder(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Mod with the sign of what is divided: x - y trunc(x / y)."""
    if not attrs.integer("fmod", 0):
        raise Unknown("whole numbers, or a remainder with the sign of the divisor")
    value, divisor = (reader.value(name) for name in node.input)
    name = node.output[0]
    quotient = two(reader, "DIV", (value, divisor), f"{name}/quotient")
    shape = reader.new.shape(quotient)
    size = reader.new.op("ABS", (quotient,), shape, f"{name}/size")
    whole = reader.new.op("FLOOR", (size,), shape, f"{name}/whole")
    sign = reader.new.op("SIGN", (quotient,), shape, f"{name}/sign")
    times = two(reader, "MUL", (whole, sign), f"{name}/times")
    taken = two(reader, "MUL", (times, divisor), f"{name}/taken")
    return two(reader, "SUB", (value, taken), name)


def clip(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Clip: RELU, RELU6, or MAXIMUM and MINIMUM."""
    given = [reader.constant(node, i, "a bound") for i in (1, 2)]
    low = float(given[0]) if given[0] is not None else attrs.number("min", _LEAST)
    high = float(given[1]) if given[1] is not None else attrs.number("max", -_LEAST)
    value, name = reader.value(node.input[0]), node.output[0]
    shape = reader.new.shape(value)
    known = {(0.0, 6.0): "RELU6", (-1.0, 1.0): "RELU_N1_TO_1"}
    if (low, high) in known:
        return reader.new.op(known[low, high], (value,), shape, name)
    if low == 0.0:
        value = reader.new.op("RELU", (value,), shape, name)
    elif low > _LEAST:
        value = scalar(reader, "MAXIMUM", value, low, name)
    return scalar(reader, "MINIMUM", value, high, name) if high < -_LEAST else value


def leaky_relu(reader: Reader, node: Node, attrs: Attributes) -> int:
    """LeakyRelu."""
    return unary("LEAKY_RELU", Alpha=float(attrs.number("alpha", 0.01)))(reader, node, attrs)  # type: ignore[return-value]


def prelu(reader: Reader, node: Node, attrs: Attributes) -> int:
    """PRelu with constant slopes."""
    slopes = reader.constant(node, 1, "the slope")
    assert slopes is not None
    value = reader.value(node.input[0])
    rank = len(reader.new.shape(value))
    if slopes.ndim > rank:
        raise Unknown(f"slopes of {slopes.ndim} dimensions for a value of {rank}")
    shaped = slopes.reshape((1,) * (rank - slopes.ndim) + slopes.shape).astype(np.float32)
    constant = reader.new.constant(f"{node.output[0]}/slopes", shaped)
    return reader.new.op("PRELU", (value, constant), reader.new.shape(value), node.output[0])


def hard_sigmoid(reader: Reader, node: Node, attrs: Attributes) -> int:
    """HardSigmoid as RELU6 of a line: relu6(6 (alpha x + beta)) / 6."""
    value, name = reader.value(node.input[0]), node.output[0]
    factor = 6.0 * attrs.number("alpha", 0.2)
    if abs(factor - 1.0) > 1e-6:
        value = scalar(reader, "MUL", value, factor, f"{name}/scale")
    value = scalar(reader, "ADD", value, 6.0 * attrs.number("beta", 0.5), f"{name}/shift")
    value = reader.new.op("RELU6", (value,), reader.new.shape(value), f"{name}/relu6")
    return scalar(reader, "MUL", value, 1.0 / 6.0, name)


def quantize(reader: Reader, node: Node, attrs: Attributes) -> int:
    """QuantizeLinear with one scale; with the DequantizeLinear behind it, trained rounding."""
    scale, zero = (reader.constant(node, i, "a parameter") for i in (1, 2))
    assert scale is not None
    kind = np.dtype(np.uint8) if zero is None else zero.dtype
    if scale.size != 1 or kind not in (np.dtype(np.uint8), np.dtype(np.int8)):
        raise Unknown(f"{scale.size} scales for values of type {kind}")
    value = reader.value(node.input[0])
    offset = 128 if kind == np.uint8 else 0
    first = 0 if zero is None else int(zero.ravel()[0])
    result = reader.new.op("QUANTIZE", (value,), reader.new.shape(value), node.output[0])
    reader.new.retype(result, INT8, Quant((float(scale.ravel()[0]),), (first - offset,)))
    return result


def dequantize(reader: Reader, node: Node, attrs: Attributes) -> int:
    """DequantizeLinear behind a QuantizeLinear."""
    value = reader.value(node.input[0])
    if reader.new.tensors[value].quant is None:
        raise Unknown("integers that no QuantizeLinear makes")
    result = reader.new.op("DEQUANTIZE", (value,), reader.new.shape(value), node.output[0])
    reader.new.retype(result, FLOAT32)
    return result


def gelu(reader: Reader, node: Node, attrs: Attributes) -> int:
    """Gelu, exact or by tanh."""
    kind = unary("GELU", Approximate=attrs.text("approximate", "none") == "tanh")
    return kind(reader, node, attrs)  # type: ignore[return-value]


def softmax(kind: str) -> Handler:
    """A handler for Softmax and LogSoftmax along any axis."""

    def handler(reader: Reader, node: Node, attrs: Attributes) -> int:
        value, name = reader.value(node.input[0]), node.output[0]
        shape = reader.new.shape(value)
        axis = attrs.integer("axis", -1 if reader.opset >= 13 else 1) % len(shape)
        fields = {"Beta": 1.0} if kind == "SOFTMAX" else {}
        if reader.opset < 13 and axis != len(shape) - 1:  # from the axis on, all are one
            rows = (prod(shape[:axis]), prod(shape[axis:]))
            made = reader.new.op(kind, (reader.new.reshape(value, rows),), rows, name, **fields)
            return reader.new.reshape(made, shape)
        order = [i for i in range(len(shape)) if i != axis] + [axis]
        moved = reader.new.transpose(value, order)
        made = reader.new.op(kind, (moved,), reader.new.shape(moved), name, **fields)
        return reader.new.transpose(made, [order.index(i) for i in range(len(shape))])

    return handler


_UNARY = {
    "Abs": "ABS",
    "Exp": "EXP",
    "HardSwish": "HARD_SWISH",
    "Log": "LOG",
    "Neg": "NEG",
    "Relu": "RELU",
    "Sigmoid": "LOGISTIC",
    "Tanh": "TANH",
}
_BINARY = {
    "Add": "ADD",
    "Div": "DIV",
    "Max": "MAXIMUM",
    "Min": "MINIMUM",
    "Mul": "MUL",
    "Pow": "POW",
    "Sub": "SUB",
    "Sum": "ADD",
}

HANDLERS: dict[str, Handler] = {
    **{name: unary(kind) for name, kind in _UNARY.items()},
    **{name: binary(kind) for name, kind in _BINARY.items()},
    "Clip": clip,
    "DequantizeLinear": dequantize,
    "Dropout": identity,
    "Gelu": gelu,
    "HardSigmoid": hard_sigmoid,
    "CastLike": cast_like,
    "Identity": identity,
    "IsInf": never,
    "IsNaN": never,
    "LeakyRelu": leaky_relu,
    "LogSoftmax": softmax("LOG_SOFTMAX"),
    "Mean": mean_of,
    "Mod": remainder,
    "PRelu": prelu,
    "QuantizeLinear": quantize,
    "Softmax": softmax("SOFTMAX"),
}
