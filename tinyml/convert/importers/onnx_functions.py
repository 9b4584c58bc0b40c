"""ONNX functions of one value, as operators of .tflite; the converter makes a table of each.

What they become is exact for floats; that there are many operators costs nothing, since integers
take all those that depend on one value as one table (``tinyml.convert.functions``).
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi

import numpy as np

from tinyml.convert.importers.onnx_elementwise import scalar, two
from tinyml.convert.importers.onnx_protos import Attributes, Node
from tinyml.convert.importers.onnx_values import Handler, Reader
from tinyml.ops.activation import RELU
from tinyml.ops.elementwise import ADD, MUL, SUB
from tinyml.ops.float_only import NEG, SQRT

_SELU = (1.67326319217681884765625, 1.05070102214813232421875)
# Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: errors below 1.5e-7.
_ERF = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
_ERF_P = 0.3275911
# The same, 4.4.49: errors below 2e-8 on 0..1.
_ATAN = (
    *(-0.3333314528, 0.1999355085, -0.1420889944, 0.1065626393),
    *(-0.0752896400, 0.0429096138, -0.0161657367, 0.0028662257),
)


class Value:
    """A value of the new graph with Python's operators on it and numbers."""

    def __init__(self, reader: Reader, index: int, name: str) -> None:
        self.reader, self.index, self.name = reader, index, name

    def of(self, kind: str, **fields: float) -> Value:
        """An operator of one operand."""
        new, name = self.reader.new, f"{self.name}/{kind.lower()}"
        made = new.op(kind, (self.index,), new.shape(self.index), name, **fields)
        return Value(self.reader, made, self.name)

    def with_(self, kind: str, other: Value | float) -> Value:
        """An operator of this value and another, or a number."""
        name = f"{self.name}/{kind.lower()}"
        if isinstance(other, Value):
            made = two(self.reader, kind, (self.index, other.index), name)
        else:
            made = scalar(self.reader, kind, self.index, other, name)
        return Value(self.reader, made, self.name)

    def __add__(self, other: Value | float) -> Value:
        return self.with_(ADD, other)

    def __sub__(self, other: Value | float) -> Value:
        return self.with_(SUB, other)

    def __mul__(self, other: Value | float) -> Value:
        return self.with_(MUL, other)

    def __truediv__(self, other: Value | float) -> Value:
        return self.with_("DIV", other)

    def __rtruediv__(self, number: float) -> Value:
        constant = self.reader.new.constant(f"{self.name}/one", np.array(number, np.float32))
        made = two(self.reader, "DIV", (constant, self.index), f"{self.name}/div")
        return Value(self.reader, made, self.name)

    def __neg__(self) -> Value:
        return self.of(NEG)


Function = Callable[[Value, Attributes], Value]


def erf(x: Value, attrs: Attributes) -> Value:
    """The error function: 1 - p(t) exp(-x^2) with t = 1 / (1 + p |x|), and the sign of x."""
    t = 1.0 / (x.of("ABS") * _ERF_P + 1.0)
    total = t * _ERF[-1]
    for factor in _ERF[-2::-1]:
        total = (total + factor) * t
    return (total * (-(x * x)).of("EXP") - 1.0) * -1.0 * x.of("SIGN")


def softplus(x: Value, attrs: Attributes) -> Value:
    """log(1 + e^x) without overflow."""
    return ((-x.of("ABS")).of("EXP") + 1.0).of("LOG") + x.of(RELU)


def elu(x: Value, attrs: Attributes) -> Value:
    """x above 0, alpha (e^x - 1) below."""
    return x.of("ELU") if (alpha := attrs.number("alpha", 1.0)) == 1 else _elu(x, alpha)


def _elu(x: Value, alpha: float) -> Value:
    return x.of(RELU) + _below(x).of("ELU") * alpha


def _below(x: Value) -> Value:
    """min(x, 0)."""
    return x.with_("MINIMUM", 0.0)


def celu(x: Value, attrs: Attributes) -> Value:
    """x above 0, alpha (e^(x / alpha) - 1) below."""
    alpha = attrs.number("alpha", 1.0)
    return x.of(RELU) + (_below(x) / alpha).of("ELU") * alpha


def selu(x: Value, attrs: Attributes) -> Value:
    """gamma x above 0, gamma alpha (e^x - 1) below."""
    return _elu(x, attrs.number("alpha", _SELU[0])) * attrs.number("gamma", _SELU[1])


def mish(x: Value, attrs: Attributes) -> Value:
    """x tanh(softplus(x))."""
    return x * softplus(x, attrs).of("TANH")


def swish(x: Value, attrs: Attributes) -> Value:
    """x times the sigmoid of alpha x."""
    alpha = attrs.number("alpha", 1.0)
    return x * (x if alpha == 1 else x * alpha).of("LOGISTIC")


def thresholded(x: Value, attrs: Attributes) -> Value:
    """x above alpha, else 0."""
    return x * _is_above(x, attrs.number("alpha", 1.0))


def shrink(x: Value, attrs: Attributes) -> Value:
    """0 around 0, and what lies outside moved by a bias."""
    limit, bias = attrs.number("lambd", 0.5), attrs.number("bias", 0.0)
    return (x - bias) * _is_above(x, limit) + (x + bias) * _is_above(-x, limit)


def _is_above(x: Value, limit: float) -> Value:
    """1 or 0."""
    return (x - limit).of("SIGN").of(RELU)


def softsign(x: Value, attrs: Attributes) -> Value:
    """x / (1 + |x|)."""
    return x / (x.of("ABS") + 1.0)


def tan(x: Value, attrs: Attributes) -> Value:
    """The tangent."""
    return x.of("SIN") / x.of("COS")


def sinh(x: Value, attrs: Attributes) -> Value:
    """The hyperbolic sine."""
    return (x.of("EXP") - (-x).of("EXP")) * 0.5


def cosh(x: Value, attrs: Attributes) -> Value:
    """The hyperbolic cosine."""
    return (x.of("EXP") + (-x).of("EXP")) * 0.5


def atan(x: Value, attrs: Attributes) -> Value:
    """The inverse tangent: of 1 / |x| above 1, and the sign of x."""
    size = x.of("ABS")
    near = size / (size * size).with_("MAXIMUM", 1.0)
    square = near * near
    total = square * _ATAN[-1]
    for factor in _ATAN[-2::-1]:
        total = (total + factor) * square
    angle = near * (total + 1.0)
    beyond = _is_above(size, 1.0)
    return (angle + beyond * (angle * -2.0 + pi / 2)) * x.of("SIGN")


def asin(x: Value, attrs: Attributes) -> Value:
    """The inverse sine: of 1, an angle within 1e-6."""
    square = (x + 1.0) * (x * -1.0 + 1.0)
    return atan(x / square.with_("MAXIMUM", 1e-12).of(SQRT), attrs)


def acos(x: Value, attrs: Attributes) -> Value:
    """The inverse cosine."""
    return asin(x, attrs) * -1.0 + pi / 2


def asinh(x: Value, attrs: Attributes) -> Value:
    """The inverse hyperbolic sine."""
    size = x.of("ABS")
    return (size + (x * x + 1.0).of(SQRT)).of("LOG") * x.of("SIGN")


def acosh(x: Value, attrs: Attributes) -> Value:
    """The inverse hyperbolic cosine."""
    return (x + (x * x - 1.0).of(SQRT)).of("LOG")


def atanh(x: Value, attrs: Attributes) -> Value:
    """The inverse hyperbolic tangent."""
    return ((x + 1.0) / (x * -1.0 + 1.0)).of("LOG") * 0.5


def plain(kind: str) -> Function:
    """An operator that .tflite has as well."""
    return lambda x, attrs: x.of(kind)


FUNCTIONS: dict[str, Function] = {
    "Acos": acos,
    "Acosh": acosh,
    "Asin": asin,
    "Asinh": asinh,
    "Atan": atan,
    "Atanh": atanh,
    "Celu": celu,
    "Ceil": plain("CEIL"),
    "Cos": plain("COS"),
    "Cosh": cosh,
    "Elu": elu,
    "Erf": erf,
    "Floor": plain("FLOOR"),
    "Mish": mish,
    "Reciprocal": lambda x, attrs: 1.0 / x,
    "Round": plain("ROUND"),
    "Selu": selu,
    "Shrink": shrink,
    "Sign": plain("SIGN"),
    "Sin": plain("SIN"),
    "Sinh": sinh,
    "Softplus": softplus,
    "Softsign": softsign,
    "Sqrt": plain(SQRT),
    "Swish": swish,
    "Tan": tan,
    "ThresholdedRelu": thresholded,
}


def handler(function: Function) -> Handler:
    """A handler that writes a function's operators."""

    def read(reader: Reader, node: Node, attrs: Attributes) -> int:
        x = Value(reader, reader.value(node.input[0]), node.output[0])
        return function(x, attrs).index

    return read


HANDLERS: dict[str, Handler] = {name: handler(each) for name, each in FUNCTIONS.items()}
