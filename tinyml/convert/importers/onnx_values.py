"""The graph that is made of an ONNX model, and what handlers of its nodes ask for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyml.convert.builder import GraphBuilder
from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.ir.graph import Array


class Reader:
    """The .tflite graph that is being made, and where each ONNX value is in it."""

    def __init__(self) -> None:
        self.new = GraphBuilder()
        self.values: dict[str, int] = {}
        self.constants: dict[str, Array] = {}
        self.opset = 0
        self.opsets: dict[str, int] = {}  # by domain

    def value(self, name: str) -> int:
        """The tensor that holds an ONNX value; constants become float32 or int32."""
        if name not in self.values:
            self.values[name] = self.new.constant(name, narrow(self.constants[name]))
        return self.values[name]

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an ONNX value, in ONNX's order."""
        held = self.constants.get(name)
        return tuple(held.shape) if held is not None else self.new.shape(self.values[name])

    def constant(self, node: Node, number: int, what: str) -> Array | None:
        """An operand that must be constant; None when it is absent. Raises Unknown."""
        if number >= len(node.input) or not node.input[number]:
            return None
        held = self.constants.get(node.input[number])
        if held is None:
            raise Unknown(f"{what} is computed at run time")
        return held


Handler = Callable[[Reader, Node, Attributes], "int | tuple[int, ...]"]


def narrow(data: Array) -> Array:
    """A constant in the types that .tflite operators take."""
    if data.dtype.kind == "f":
        return data.astype(np.float32)
    if data.dtype.kind in "iu" and data.dtype.itemsize > 4:
        return np.clip(data, -(1 << 31), (1 << 31) - 1).astype(np.int32)
    return data
